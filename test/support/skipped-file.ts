/** The variable with the path of the file that collects what was skipped; `test/run.ts` sets it and prints the file. */
export const skippedFileVariable = 'TEST_SKIPPED_FILE';
