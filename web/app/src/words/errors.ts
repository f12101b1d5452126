const en = {
  brokeTitle: "This page broke",
  brokeHelp: "It is our fault. What happened was reported, without anything about you.",
  reload: "Load it again",
};

const pl: typeof en = {
  brokeTitle: "Ta strona się zepsuła",
  brokeHelp: "To nasza wina. Zgłosiliśmy, co się stało, bez niczego o Tobie.",
  reload: "Wczytaj ponownie",
};

export const errors = { en, pl };
