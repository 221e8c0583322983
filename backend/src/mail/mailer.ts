export interface Mail {
  to: string;
  subject: string;
  text: string;
  html: string;
}

/** Hands a mail to the mail system. Rejects when it was not taken; asking again is harmless but may send twice. */
export interface Mailer {
  send(mail: Mail): Promise<void>;
}
