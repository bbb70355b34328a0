/** Let the event loop turn, so that others are answered between two pieces of long work. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
