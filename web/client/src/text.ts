// Words from strangers, made harmless for display.
//
// The page only ever writes text nodes, so markup stays text by itself. What remains dangerous in a text node are
// characters that are not words: controls, and the bidi marks that make "refuse" read as "accept".

// C0 and C1 controls, the bidi marks, embeddings, overrides and isolates, the byte order mark, and the
// interlinear and tag characters that can hide text inside text. Zero-width joiners stay: emoji need them.
const UNSEEN =
  // oxlint-disable-next-line no-control-regex -- finding control characters is the purpose.
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

const BREAKS = /[\t\n\v\f\r\u0085\u2028\u2029]+/g;

const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** One line of visible text; breaks become spaces, so that two words never grow into one. */
export function visible(text: string): string {
  return text
    .replace(BREAKS, " ")
    .replace(LONE_SURROGATE, "\ufffd")
    .replace(UNSEEN, "")
    .replace(/ {2,}/g, " ")
    .trim();
}
