/** Keys that are made for boards. Apart, so that reading the settings loads no certificates. */
export const boardKeyKinds = ['ec-p256', 'rsa-2048'] as const;
export type BoardKeyKind = (typeof boardKeyKinds)[number];
