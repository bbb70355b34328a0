export const zoneEventKinds = [
  'signing-on',
  'signing-off',
  'unsigned',
  'rollover-started',
  'rollover-aborted',
  'rollover-done',
  'rollover-stuck',
  'transition',
  'step-allowed',
  'standby-added',
  'ds-needed',
  'ds-unneeded',
  'ds-seen',
  'ds-gone',
  'parent-unexpected',
  'parent-told',
  'parent-not-told',
  'signals-published',
  'signals-removed',
  'signals-failed',
  'key-refused',
  'foreign-keys',
  'kms-key-in-danger',
  'runway-low',
] as const;
export type ZoneEventKind = (typeof zoneEventKinds)[number];

/** Something that happened to the keys of a zone. */
export interface ZoneEvent {
  readonly kind: ZoneEventKind;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** For people. */
  readonly text: string;
  /** For programs. */
  readonly details?: Readonly<Record<string, unknown>>;
}
