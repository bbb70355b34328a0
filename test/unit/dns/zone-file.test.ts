import { describe, expect, test } from 'vitest';
import { DnsError } from '#dns/errors.ts';
import { parseName } from '#dns/name.ts';
import { formatRecord, printRecords } from '#dns/zone-file/print.ts';
import { parseZoneText, readZoneFile, type ZoneFileOptions } from '#dns/zone-file/read.ts';
import { recordsOf } from '#test/support/dns.ts';

const linesOf = (text: string, origin?: string): string[] =>
  recordsOf(text, origin).map((record) => formatRecord(record).replaceAll('\t', ' '));

const base: ZoneFileOptions = { fileName: 'zone', origin: parseName('example.') };

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield new Uint8Array(Buffer.from(text, 'latin1'));
}

async function read(source: AsyncIterable<Uint8Array>, options: Partial<ZoneFileOptions> = {}): Promise<string[]> {
  const lines: string[] = [];
  for await (const records of readZoneFile(source, { ...base, ...options })) {
    lines.push(...records.map((record) => formatRecord(record).replaceAll('\t', ' ')));
  }
  return lines;
}

describe('what a record takes over (RFC 1035 §5.1)', () => {
  test('a blank owner repeats the last one', () => {
    expect(linesOf('a 60 IN A 192.0.2.1\n  60 IN A 192.0.2.2\n\t60 IN A 192.0.2.3\n')).toEqual([
      'a.example. 60 IN A 192.0.2.1',
      'a.example. 60 IN A 192.0.2.2',
      'a.example. 60 IN A 192.0.2.3',
    ]);
  });

  test('TTL and class stand in either order, or not at all', () => {
    const lines = [
      'a 60 IN A 192.0.2.1',
      'a IN 60 A 192.0.2.1',
      '$TTL 60\na A 192.0.2.1',
      '$TTL 1m\na IN A 192.0.2.1',
      'a 60 class1 type1 192.0.2.1',
    ];
    for (const line of lines) expect(linesOf(line)).toEqual(['a.example. 60 IN A 192.0.2.1']);
  });

  test('a TTL comes from $TTL, else from the record before, else from the options (RFC 2308 §4)', () => {
    expect(
      linesOf('a 60 A 192.0.2.1\nb A 192.0.2.1\n$TTL 1h\nc A 192.0.2.1\nd 5 A 192.0.2.1\ne A 192.0.2.1').map(
        (line) => line.split(' ')[1],
      ),
    ).toEqual(['60', '60', '3600', '5', '3600']);
    expect(linesOf('a A 192.0.2.1')).toEqual(['a.example. 3600 IN A 192.0.2.1']);
  });

  test('an SOA without any TTL takes its own minimum, and so do the records after it', () => {
    const records = parseZoneText('@ SOA a b 1 2 3 4 77\n@ NS a\n', base);
    expect(records.map((record) => record.ttl)).toEqual([77, 77]);
  });

  test('a record without any TTL is an error', () => {
    expect(() => parseZoneText('a A 192.0.2.1\n', base)).toThrow('zone:1:5: the record has no TTL');
  });

  test('$ORIGIN holds for owners and RDATA from there on', () => {
    expect(linesOf('$ORIGIN sub\na 1 NS b\n$ORIGIN other.\na 1 NS @\n')).toEqual([
      'a.sub.example. 1 IN NS b.sub.example.',
      'a.other. 1 IN NS other.',
    ]);
  });
});

describe('words', () => {
  test('parentheses join lines, comments end them', () => {
    expect(linesOf('a 1 SOA ( b c ; comment )\n 1 ( 2\n 3 ) 4\n 5 ) ; end\nb 1 A 192.0.2.1')).toEqual([
      'a.example. 1 IN SOA b.example. c.example. 1 2 3 4 5',
      'b.example. 1 IN A 192.0.2.1',
    ]);
  });

  test('a semicolon in quotes or escaped is text', () => {
    expect(linesOf('a 1 TXT "a;b" c\\;d ; comment')).toEqual(['a.example. 1 IN TXT "a;b" "c;d"']);
  });

  test('a quoted @ or $ is text', () => {
    expect(linesOf('a 1 TXT "@" $TTL')).toEqual(['a.example. 1 IN TXT "@" "$TTL"']);
  });

  test('key="value" with spaces is one word', () => {
    expect(linesOf('a 1 SVCB 1 . alpn="h2,h3" key65000="a b;c"')).toEqual([
      'a.example. 1 IN SVCB 1 . alpn="h2,h3" key65000="a b;c"',
    ]);
  });

  test('lines may end in CRLF, and the last one without anything', () => {
    expect(linesOf('a 1 A 192.0.2.1\r\nb 1 A 192.0.2.2')).toHaveLength(2);
  });

  test('an owner may be in any case and 8-bit', () => {
    expect(linesOf('\\200A 1 A 192.0.2.1')).toEqual(['\\200A.example. 1 IN A 192.0.2.1']);
  });
});

describe('faults name file, line, column and what was expected', () => {
  test.each([
    ['a 1 A 192.0.2.1\nb 1 A 192.0.2\n', 'zone:2:7: "192.0.2" was found where an IPv4 address was expected'],
    ['a 1 IN B 1\n', 'zone:1:8: "B" was found where a TTL, the class IN or an RR type was expected'],
    ['a 1 CH TXT x\n', 'zone:1:5: class CH was found: only class IN'],
    ['a 1 CLASS3 A x\n', 'zone:1:5: class CLASS3 was found'],
    ['a 1 AXFR x\n', 'zone:1:5: AXFR is a question or meta type'],
    ['a 2147483648 A 192.0.2.1\n', 'zone:1:3: "2147483648" is not a TTL'],
    ['a 1 SOA ( b\n', 'zone:1:9: "(" is never closed: expected ")"'],
    ['a 1 A 192.0.2.1 )\n', 'zone:1:17: ")" closes nothing'],
    ['a 1 TXT "abc\n', 'zone:1:9: the quoted string is not closed'],
    ['  1 A 192.0.2.1\n', 'the first record of a file has no owner name'],
    ['$FOO bar\n', '$FOO is not a directive'],
    ['$TTL x\n', 'zone:1:6: "x" is not a TTL'],
    ['$TTL 1 2\n', '$TTL is followed by more than it takes'],
    ['$ORIGIN a..b\n', 'zone:1:9: "a..b" is not a domain name: it has an empty label'],
    ['$GENERATE 1-2 a$ A 192.0.2.$\n', '$GENERATE is not allowed here'],
    ['$INCLUDE other\n', 'zone:1:1: cannot include other: $INCLUDE is not allowed here'],
    ['a 1 MX 10\n', 'the record ends where a domain name was expected'],
    ['a\n', 'zone:1:1: the record ends where an RR type was expected'],
  ])('%j', (text, message) => {
    expect(() => parseZoneText(text, base)).toThrow(message);
  });

  test('the place is in the details too', () => {
    const error = (() => {
      try {
        return parseZoneText('a 1 A 192.0.2.1\nb 1 A x\n', base);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(DnsError);
    expect(error).toMatchObject({ code: 'zone-file-invalid', details: { file: 'zone', line: 2, column: 7 } });
  });

  test('a byte order mark is told as such', async () => {
    await expect(read(pieces('\xef\xbb\xbfa 1 A 192.0.2.1\n'))).rejects.toThrow('byte order mark');
  });

  test('a quote that nobody closes does not eat the memory', async () => {
    const endless = pieces(
      ...Array.from({ length: 40 }, (_, index) => (index === 0 ? 'a 1 TXT (' : `${'x '.repeat(32_768)}\n`)),
    );
    await expect(read(endless)).rejects.toThrow('longer than a mebibyte');
  });
});

describe('reading in pieces', () => {
  const text =
    '$TTL 60\na IN SOA ( b c ; x\n 1 2 3\n 4 5 )\n  TXT "a\\"b" c\\\nd A 192.0.2.1 ; end\r\n\n\nlast AAAA 2001:db8::1';

  test('where the pieces break makes no difference', async () => {
    const whole = await read(pieces(text));
    for (let size = 1; size < 12; size++) {
      const cut = Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
        text.slice(index * size, (index + 1) * size),
      );
      expect(await read(pieces(...cut))).toEqual(whole);
    }
  });
});

async function* octetByOctet(text: string): AsyncGenerator<Uint8Array> {
  const octets = Buffer.from(text, 'latin1');
  for (let index = 0; index < octets.length; index++) yield octets.subarray(index, index + 1);
}

test('a long record that comes octet by octet takes as long as its length, not its square', async () => {
  const text = `$TTL 60\na TXT (\n${'; note\n'.repeat(80_000)}"end" )\nb A 192.0.2.1\n`;
  expect(await read(octetByOctet(text))).toEqual(['a.example. 60 IN TXT "end"', 'b.example. 60 IN A 192.0.2.1']);
});

test('what is left open is an error at its end, however it comes', async () => {
  await expect(read(octetByOctet(`a 1 TXT (\n${'x '.repeat(5000)}`))).rejects.toThrow('zone:1:9: "(" is never closed');
});

describe('$INCLUDE and $GENERATE', () => {
  const files: Record<string, string> = {
    inner: '$ORIGIN deep\n$TTL 5\na A 192.0.2.2\n',
    relative: 'x 1 A 192.0.2.3\n',
    loop: '$INCLUDE loop\n',
    ...Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`deep${index}`, `$INCLUDE deep${index + 1}\n`])),
  };
  const include = (path: string) => pieces(files[path] ?? '');

  test('the included file has its own origin, and leaves owner, origin and $TTL of the outer one alone', async () => {
    const lines = await read(pieces('$TTL 60\no A 192.0.2.1\n$INCLUDE inner sub\n  A 192.0.2.4\nb A 192.0.2.5\n'), {
      include,
    });
    expect(lines).toEqual([
      'o.example. 60 IN A 192.0.2.1',
      'a.deep.sub.example. 5 IN A 192.0.2.2',
      'o.example. 60 IN A 192.0.2.4',
      'b.example. 60 IN A 192.0.2.5',
    ]);
  });

  test('without a name of its own it keeps the origin', async () => {
    expect(await read(pieces('$INCLUDE relative\n'), { include })).toEqual(['x.example. 1 IN A 192.0.2.3']);
  });

  test('files that include each other are refused', async () => {
    await expect(read(pieces('$INCLUDE loop\n'), { include })).rejects.toThrow(
      'loop:1:1: cannot include loop: it includes itself',
    );
    await expect(read(pieces('$INCLUDE deep0\n'), { include })).rejects.toThrow('more than 8 deep');
  });

  test('$GENERATE counts, offsets, pads and changes the base', () => {
    const records = parseZoneText(
      '$TTL 1\n$GENERATE 9-11/2 h-${0,3,d}.$ A 192.0.2.${1}\n$GENERATE 10-10 ${0,2,x} TXT \\$\n',
      { ...base, generate: true },
    );
    expect(records.map((record) => formatRecord(record).replaceAll('\t', ' '))).toEqual([
      'h-009.9.example. 1 IN A 192.0.2.10',
      'h-011.11.example. 1 IN A 192.0.2.12',
      '0a.example. 1 IN TXT "$"',
    ]);
  });

  test.each(['${0,3,n}', '${', '${x}', '${0,3,d'])(
    'a modifier of $GENERATE that is not known is an error: %s',
    (word) => {
      const generate = () => parseZoneText(`$TTL 1\n$GENERATE 1-2 a${word} A 192.0.2.1\n`, { ...base, generate: true });
      expect(generate).toThrow('"${" is not followed by offset,width,base}');
    },
  );

  test('$GENERATE has a cap', () => {
    expect(() => parseZoneText('$TTL 1\n$GENERATE 0-65536 a$ A 192.0.2.1\n', { ...base, generate: true })).toThrow(
      'more than 65536 records',
    );
    expect(() => parseZoneText('$TTL 1\n$GENERATE 2-1 a$ A 192.0.2.1\n', { ...base, generate: true })).toThrow(
      'is not a range',
    );
  });
});

test('printing breaks into pieces and loses nothing', () => {
  const records = recordsOf(Array.from({ length: 20_000 }, (_, index) => `host${index} 60 A 192.0.2.1`).join('\n'));
  const chunks = [...printRecords(records)];
  expect(chunks.length).toBeGreaterThan(1);
  expect(recordsOf(Buffer.concat(chunks).toString('latin1'))).toEqual(records);
});
