import { rrTypes, type RRType, type RRTypeMnemonic } from '#dns/rr-type.ts';
import { dashedHexField, identifierField, ipv4Field, ipv6Field } from '#dns/rdata/address-fields.ts';
import {
  base64Field,
  hashedNameField,
  hexField,
  optionalBase64Field,
  saltField,
  typeBitmapField,
} from '#dns/rdata/binary-fields.ts';
import { hostIdentityField, ipsecKeyField } from '#dns/rdata/composite-fields.ts';
import type { Field } from '#dns/rdata/field.ts';
import { locationField } from '#dns/rdata/location-field.ts';
import { lowerCasedNameField, nameField } from '#dns/rdata/name-field.ts';
import {
  algorithmField,
  certificateTypeField,
  durationField,
  rrTypeField,
  timeField,
  uint16Field,
  uint32Field,
  uint8Field,
} from '#dns/rdata/number-fields.ts';
import { serviceParametersField } from '#dns/rdata/service-parameters.ts';
import { addressSuffixField, prefixNameField, restField } from '#dns/rdata/obsolete-fields.ts';
import { longTextField, stringField, stringsField, tagField } from '#dns/rdata/text-fields.ts';

const delegationSigner = [uint16Field('a key tag'), algorithmField, uint8Field('a digest type'), hexField('a digest')];
const dnskey = [uint16Field('flags'), uint8Field('a protocol'), algorithmField, base64Field('a public key')];
const association = [
  uint8Field('a usage'),
  uint8Field('a selector'),
  uint8Field('a matching type'),
  hexField('the association data'),
];
const serviceBinding = [uint16Field('a priority'), nameField, serviceParametersField];
const signature = [
  rrTypeField,
  algorithmField,
  uint8Field('a label count'),
  uint32Field('an original TTL'),
  timeField,
  timeField,
  uint16Field('a key tag'),
  lowerCasedNameField,
  base64Field('a signature'),
];
const preference = uint16Field('a preference');

/**
 * The wire schema of each type. The names of the older types are lower-cased in canonical form, those of NSEC and of all
 * newer types are not.
 *
 * Source: RFC 4034 §6.2, RFC 6840 §5.1, RFC 3597 §7.
 */
const schemas: Partial<Record<RRTypeMnemonic, readonly Field[]>> = {
  A: [ipv4Field],
  NS: [lowerCasedNameField],
  MD: [lowerCasedNameField],
  MF: [lowerCasedNameField],
  CNAME: [lowerCasedNameField],
  SOA: [
    lowerCasedNameField,
    lowerCasedNameField,
    uint32Field('a serial'),
    durationField('the refresh interval'),
    durationField('the retry interval'),
    durationField('the expiry'),
    durationField('the negative TTL'),
  ],
  MB: [lowerCasedNameField],
  MG: [lowerCasedNameField],
  MR: [lowerCasedNameField],
  PTR: [lowerCasedNameField],
  HINFO: [stringField('a CPU'), stringField('an operating system')],
  MINFO: [lowerCasedNameField, lowerCasedNameField],
  MX: [preference, lowerCasedNameField],
  TXT: [stringsField],
  RP: [lowerCasedNameField, lowerCasedNameField],
  AFSDB: [uint16Field('a subtype'), lowerCasedNameField],
  X25: [stringField('a PSDN address')],
  RT: [preference, lowerCasedNameField],
  SIG: signature,
  KEY: [uint16Field('flags'), uint8Field('a protocol'), algorithmField, optionalBase64Field('a public key')],
  PX: [preference, lowerCasedNameField, lowerCasedNameField],
  AAAA: [ipv6Field],
  LOC: [locationField],
  NXT: [lowerCasedNameField, restField],
  SRV: [uint16Field('a priority'), uint16Field('a weight'), uint16Field('a port'), lowerCasedNameField],
  NAPTR: [
    uint16Field('an order'),
    preference,
    stringField('flags'),
    stringField('services'),
    stringField('a regular expression'),
    lowerCasedNameField,
  ],
  KX: [preference, lowerCasedNameField],
  CERT: [certificateTypeField, uint16Field('a key tag'), algorithmField, base64Field('a certificate')],
  A6: [addressSuffixField, prefixNameField],
  DNAME: [lowerCasedNameField],
  DS: delegationSigner,
  SSHFP: [uint8Field('an algorithm'), uint8Field('a fingerprint type'), hexField('a fingerprint')],
  IPSECKEY: [ipsecKeyField],
  RRSIG: signature,
  NSEC: [nameField, typeBitmapField],
  DNSKEY: dnskey,
  DHCID: [base64Field('a DHCID')],
  NSEC3: [
    uint8Field('a hash algorithm'),
    uint8Field('flags'),
    uint16Field('iterations'),
    saltField,
    hashedNameField,
    typeBitmapField,
  ],
  NSEC3PARAM: [uint8Field('a hash algorithm'), uint8Field('flags'), uint16Field('iterations'), saltField],
  TLSA: association,
  SMIMEA: association,
  HIP: [hostIdentityField],
  CDS: delegationSigner,
  CDNSKEY: dnskey,
  OPENPGPKEY: [base64Field('an OpenPGP key')],
  CSYNC: [uint32Field('a serial'), uint16Field('flags'), typeBitmapField],
  ZONEMD: [uint32Field('a serial'), uint8Field('a scheme'), uint8Field('a hash algorithm'), hexField('a digest')],
  SVCB: serviceBinding,
  HTTPS: serviceBinding,
  DSYNC: [rrTypeField, uint8Field('a scheme', { NOTIFY: 1 }), uint16Field('a port'), nameField],
  SPF: [stringsField],
  NID: [preference, identifierField],
  L32: [preference, ipv4Field],
  L64: [preference, identifierField],
  LP: [preference, nameField],
  EUI48: [dashedHexField(6, '00-00-5e-00-53-2a')],
  EUI64: [dashedHexField(8, '00-00-5e-ef-10-00-00-2a')],
  URI: [uint16Field('a priority'), uint16Field('a weight'), longTextField],
  CAA: [uint8Field('flags'), tagField, longTextField],
};

const byType = new Map<RRType, readonly Field[]>(
  Object.entries(schemas).map(([mnemonic, fields]) => [rrTypes[mnemonic as RRTypeMnemonic], fields]),
);

/** Return the fields of a type's RDATA; a type without a schema is opaque. */
export function findSchema(type: RRType): readonly Field[] | undefined {
  return byType.get(type);
}
