/**
 * Milliseconds to wait for what must happen. It bounds a hang and measures nothing: a busy machine may need a hundred
 * times what an idle one does.
 */
export const patience = 100_000;

/** The same for a service to be up, which loads a whole program first: a starving machine takes minutes. */
export const startPatience = 300_000;

/** Milliseconds after which a test is taken to hang; longer than the waits within it. */
export const testTimeout = 400_000;
