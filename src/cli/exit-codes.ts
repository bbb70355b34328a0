/** 0: good. 1: the zone, the signing or the service is bad. 2: wrong use. */
export const exitCodes = { good: 0, bad: 1, wrongUse: 2 } as const;
