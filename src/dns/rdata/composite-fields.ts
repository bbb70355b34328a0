import { decodeBase64, decodeHex } from '#lib/encoding.ts';
import { type Octets, octetsFrom, octetsToBase64, octetsToHex, readUint16, sliceOctets, uint16 } from '#lib/octets.ts';
import { DnsError } from '#dns/errors.ts';
import { formatName, type Name, nameLengthAt, resolveName } from '#dns/name.ts';
import { ipv4Field, ipv6Field } from '#dns/rdata/address-fields.ts';
import { restOf } from '#dns/rdata/binary-fields.ts';
import { type Field, fixedEnd, printedAs, wrongWord } from '#dns/rdata/field.ts';
import { nameField } from '#dns/rdata/name-field.ts';
import { algorithmField, uint8Field } from '#dns/rdata/number-fields.ts';

const precedence = uint8Field('a precedence');
const gatewayType = uint8Field('a gateway type');

/** The gateway's form by its type. Source: RFC 4025 §2.3. */
const gateways: readonly (Field | undefined)[] = [undefined, ipv4Field, ipv6Field, nameField];

/** The whole RDATA of IPSECKEY, whose gateway depends on its type and whose key may be absent. Source: RFC 4025 §2.1. */
export const ipsecKeyField: Field = {
  parse(tokens) {
    const head = precedence.parse(tokens) + gatewayType.parse(tokens) + algorithmField.parse(tokens);
    const gateway = gatewayField(head.charCodeAt(1));
    let wire = head;
    if (gateway !== undefined) wire += gateway.parse(tokens);
    else if (tokens.next('a gateway') !== '.')
      throw new DnsError('rdata-invalid', 'gateway type 0 has the gateway "."');
    if (tokens.remaining === 0) return wire as Octets;
    const text = restOf(tokens, 'a public key in base64');
    const key = decodeBase64(text);
    if (key === undefined) throw wrongWord(text, 'a public key in base64');
    return (wire + octetsFrom(key)) as Octets;
  },
  end(wire, start) {
    const gatewayStart = fixedEnd(wire, start, 3, 'IPSECKEY');
    gatewayField(wire.charCodeAt(start + 1))?.end(wire, gatewayStart);
    return wire.length;
  },
  print(wire, start, end, out) {
    const gateway = gatewayField(wire.charCodeAt(start + 1));
    const keyStart = gateway === undefined ? start + 3 : gateway.end(wire, start + 3);
    for (let index = 0; index < 3; index++) out.text(`${wire.charCodeAt(start + index)} `);
    if (gateway === undefined) out.text('.');
    else gateway.print(wire, start + 3, keyStart, out);
    if (keyStart < end) {
      out.text(' ');
      out.base64(wire, keyStart, end);
    }
  },
};

function gatewayField(type: number): Field | undefined {
  if (type >= gateways.length) throw new DnsError('rdata-invalid', `gateway type ${type} is not known: 0 to 3 are`);
  return gateways[type];
}

/** The whole RDATA of HIP: lengths in front, then identity tag, key and rendezvous servers. Source: RFC 8005 §5. */
export const hostIdentityField: Field = {
  parse(tokens) {
    const algorithm = algorithmField.parse(tokens);
    const tagText = tokens.next('a host identity tag in hex');
    const tag = decodeHex(tagText);
    if (tag === undefined || tag.length === 0 || tag.length > 255)
      throw wrongWord(tagText, 'a host identity tag in hex');
    const keyText = tokens.next('a public key in base64');
    const key = decodeBase64(keyText);
    if (key === undefined || key.length === 0) throw wrongWord(keyText, 'a public key in base64');
    let wire = String.fromCharCode(tag.length) + algorithm + uint16(key.length) + octetsFrom(tag) + octetsFrom(key);
    for (let word = tokens.tryNext(); word !== undefined; word = tokens.tryNext())
      wire += resolveName(word, tokens.origin);
    return wire as Octets;
  },
  end(wire, start) {
    let position = serversStart(wire, start);
    while (position < wire.length) position += nameLengthAt(wire, position);
    return position;
  },
  print: printedAs((wire, start, end) => {
    const tagEnd = start + 4 + wire.charCodeAt(start);
    const keyEnd = serversStart(wire, start);
    const words = [
      String(wire.charCodeAt(start + 1)),
      octetsToHex(sliceOctets(wire, start + 4, tagEnd)).toUpperCase(),
      octetsToBase64(sliceOctets(wire, tagEnd, keyEnd)),
    ];
    for (let position = keyEnd; position < end;) {
      const next = position + nameLengthAt(wire, position);
      words.push(formatName(sliceOctets(wire, position, next) as Name));
      position = next;
    }
    return words.join(' ');
  }),
};

function serversStart(wire: Octets, start: number): number {
  const tagStart = fixedEnd(wire, start, 4, 'HIP');
  const tagLength = wire.charCodeAt(start);
  const keyLength = readUint16(wire, start + 2);
  if (tagLength === 0 || keyLength === 0)
    throw new DnsError('rdata-invalid', 'HIP needs a host identity tag and a public key');
  return fixedEnd(wire, tagStart, tagLength + keyLength, 'the host identity');
}
