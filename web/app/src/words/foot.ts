// Ways from the first page to the quieter ones; their own sentences come with their code.

const en = { account: "Account", stats: "All evenings" };
const pl: typeof en = { account: "Konto", stats: "Wszystkie wieczory" };

export const foot = { en, pl };
