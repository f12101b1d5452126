// Announcements for a page that is closed.

const en = {
  turnOn: "Tell me of announcements",
  turnOnHelp: "Also while this page is closed, until the evening is over.",
  asking: "One moment…",
  isOn: "You hear of announcements here, also while this page is closed.",
  quiet: "Nothing arrives: your preferences say that you want no announcements.",
  turnOff: "Turn off",
  blocked:
    "This browser blocks notifications from Pika. Allow them for this site in its settings, then come back.",
  failed: "That did not work. Try again in a moment.",
};

const pl: typeof en = {
  turnOn: "Powiadamiaj mnie o ogłoszeniach",
  turnOnHelp: "Także gdy ta strona jest zamknięta, do końca wieczoru.",
  asking: "Chwileczkę…",
  isOn: "Dostajesz tu ogłoszenia, także gdy ta strona jest zamknięta.",
  quiet: "Nic nie przychodzi: w ustawieniach wybrano brak ogłoszeń.",
  turnOff: "Wyłącz",
  blocked:
    "Ta przeglądarka blokuje powiadomienia od Pika. Zezwól na nie w ustawieniach tej witryny i wróć tutaj.",
  failed: "To się nie udało. Spróbuj ponownie za chwilę.",
};

export const notify = { en, pl };
