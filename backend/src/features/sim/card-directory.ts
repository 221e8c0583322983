export type SimStatus = 'provisioned' | 'active' | 'suspended' | 'stopped';

/** A SIM card as the carrier lists it. */
export interface CarrierCard {
  iccid: string;
  eid: string | undefined;
  imsi: string | undefined;
  /** Undefined when the carrier says something that we do not know. */
  status: SimStatus | undefined;
}

/** The carrier's list of our cards, page by page. @throws AppError sim_provider_error, service_unavailable */
export interface CardDirectory {
  listCards(signal: AbortSignal): AsyncIterable<CarrierCard[]>;
}
