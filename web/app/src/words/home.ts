import { english, polish } from "./plural.ts";

const en = {
  heading: "The floor talks back.",
  lead: "See what plays, like it, vote, and tell the DJ how the tempo feels.",
  nobody: "Nobody is live right now.",
  looking: "Looking for live sessions…",
  unreachable: "The server cannot be reached. We keep trying.",
  liveNow: "Live now",
  join: "Join the floor",
  between: "Between tracks",
  dancers: (n: number) => english(n, "dancer", "dancers"),
  codeLabel: "Code from the DJ’s screen",
  codeJoin: "Join",
  codeShort: "A code has six letters and digits.",
  finding: "Finding the session…",
  unknownTitle: "No session has this code",
  unknownCode: (code: string) =>
    `The code ${code} is not in use. It ends with its session; ask the DJ for the new one.`,
  downTitle: "The server cannot be reached",
  downHelp: "Check the connection of this phone, then try again.",
  lostTitle: "There is nothing here",
  lostHelp: "This address leads to no session.",
  myLikes: "My likes",
  forDjs: "For DJs",
  links: "More",
  offlineTitle: "You are offline",
  offlineHelp:
    "Sessions show here as soon as there is a network. Likes that you gave are kept on this phone.",
};

const pl: typeof en = {
  heading: "Parkiet odpowiada.",
  lead: "Zobacz, co gra, polub, zagłosuj i powiedz DJ-owi, jak pasuje tempo.",
  nobody: "Teraz nikt nie gra na żywo.",
  looking: "Szukamy sesji na żywo…",
  unreachable: "Nie można połączyć się z serwerem. Próbujemy dalej.",
  liveNow: "Na żywo",
  join: "Wejdź na parkiet",
  between: "Między utworami",
  dancers: (n) => polish(n, "osoba tańczy", "osoby tańczą", "osób tańczy"),
  codeLabel: "Kod z ekranu DJ-a",
  codeJoin: "Dołącz",
  codeShort: "Kod ma sześć liter i cyfr.",
  finding: "Szukamy sesji…",
  unknownTitle: "Żadna sesja nie ma tego kodu",
  unknownCode: (code) =>
    `Kod ${code} nie jest używany. Kod wygasa wraz z sesją; zapytaj DJ-a o nowy.`,
  downTitle: "Nie można połączyć się z serwerem",
  downHelp: "Sprawdź połączenie telefonu i spróbuj ponownie.",
  lostTitle: "Nic tu nie ma",
  lostHelp: "Ten adres nie prowadzi do żadnej sesji.",
  myLikes: "Moje polubienia",
  forDjs: "Dla DJ-ów",
  links: "Więcej",
  offlineTitle: "Nie masz połączenia",
  offlineHelp: "Sesje pojawią się, gdy wróci sieć. Twoje polubienia czekają w telefonie.",
};

export const home = { en, pl };
