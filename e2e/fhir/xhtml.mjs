// What FHIR R4 allows in a narrative (narrative.html, txt-1 and txt-2): well-formed XHTML of the named elements and
// attributes. fhirpath.js has no htmlChecks() that looks at the text, so this is written out from the definition.
import { TAG, attributesOf } from './definitions.mjs';

const ELEMENTS = new Set(('a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 '
  + 'h5 h6 hr i img li ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var').split(' '));
// xml:lang is not in the XPath of txt-1 and stands in HL7's own narratives; narrative.html names both.
const ATTRIBUTES = new Set(('abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char '
  + 'charoff charset cite class colspan compact coords dir frame headers height href hreflang hspace id lang longdesc name '
  + 'nowrap rel rev rowspan rules scope shape span src start style summary tabindex title type valign value vspace width '
  + 'xml:lang xmlns').split(' '));

// What is wrong with the text of a div; undefined if nothing is.
export function narrativeProblem(text) {
  const open = [];
  let at = 0;
  let content = false;
  for (const match of text.matchAll(TAG)) {
    const [whole, closing, name, attributes, empty, behind] = match;
    if (match.index !== at) return `not XHTML at ${at}`;
    at += whole.length;
    if (!ELEMENTS.has(name)) return `element ${name}`;
    if (closing && open.pop() !== name) return `${name} is closed and was not opened`;
    if (!closing && !open.length && match.index > 0) return 'more than one root';
    const named = attributesOf(attributes);
    const unknown = named.find(([attribute]) => !ATTRIBUTES.has(attribute));
    if (unknown) return `attribute ${unknown[0]}`;
    if (match.index === 0) {
      if (name !== 'div') return 'not a div';
      if (!named.some(([key, value]) => key === 'xmlns' && value === 'http://www.w3.org/1999/xhtml')) return 'not of XHTML';
    }
    if (!closing && !empty) open.push(name);
    if (!open.length && behind.trim()) return 'text behind the end';
    if (/&(?!(#\d+|#x[0-9a-fA-F]+|amp|lt|gt|quot|apos|nbsp|\w+);)/.test(behind)) return 'an & that is not an entity';
    if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(behind)) return 'a character that XML does not have';
    content ||= behind.trim() !== '' || (name === 'img' && named.some(([key]) => key === 'src'));
  }
  if (at !== text.trimEnd().length && at !== text.length) return `not XHTML at ${at}`;
  if (open.length) return `${open.at(-1)} is not closed`;
  return content ? undefined : 'no content';
}
