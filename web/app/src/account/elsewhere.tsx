import { rest } from "../rest.ts";
import { useServices } from "../services.ts";
import { account } from "../words/account.ts";
import { words } from "../words/language.ts";
import { providersOf, wayTo, type Provider } from "./providers.ts";
import { useAsked } from "./use-asked.tsx";

/** Logins elsewhere, of those providers alone that this server knows. They are links: the way leads off this page. */
export function Providers() {
  const { fetch } = useServices();
  const { value } = useAsked<Provider[]>(() => providersOf(rest(fetch)));
  if (value === undefined || value.length === 0) return null;
  const say = words(account);
  return (
    <div class="providers">
      <p class="or">{say.or}</p>
      {value.map((provider) => (
        <a key={provider.name} class="button plain" href={wayTo(provider)}>
          {say.with(provider.title)}
        </a>
      ))}
    </div>
  );
}
