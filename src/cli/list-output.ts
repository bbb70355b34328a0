/** Everything that moves a terminal's cursor or changes what it does, or looks like nothing. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * Lay rows out in columns. Names are chosen by others: what would break the table, or take over the terminal that it is
 * printed on, is shown as `\u{…}`.
 */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const shown = rows.map((row) => row.map(printable));
  const widths: number[] = [];
  for (const row of shown)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  return shown.map((row) => `${joinCells(row, widths)}\n`).join('');
}

/** Show text that others chose on one line. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

function joinCells(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, column) => cell.padEnd(widths[column] ?? 0))
    .join('  ')
    .trimEnd();
}
