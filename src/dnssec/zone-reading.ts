/** Apart from the rest of the module, so that reading can begin before that is loaded. */
export { startReadingZone, type ZoneReading } from '#dnssec/adapters/zone-reader.ts';
