import { useState } from "preact/hooks";
import { rest } from "../rest.ts";
import { useServices } from "../services.ts";
import { account } from "../words/account.ts";
import { words } from "../words/language.ts";
import { ownLogins, providersOf, unlink, wayToLink, type Provider } from "./providers.ts";
import { refusalWords } from "./refusals.ts";
import { useAsked } from "./use-asked.tsx";

/** Logins elsewhere that open this account. A server that knows no provider shows nothing of it. */
export function Logins() {
  const { fetch } = useServices();
  const [api] = useState(() => rest(fetch));
  const asked = useAsked(async () => {
    const [providers, own] = await Promise.all([providersOf(api), ownLogins(api)]);
    return { providers, own };
  });
  const [outcome, setOutcome] = useState("");
  const say = words(account);
  if (asked.value === undefined || asked.value.providers.length === 0) return null;
  const { providers, own } = asked.value;

  const act = async (what: () => Promise<unknown>) => {
    setOutcome("");
    try {
      await what();
    } catch (error) {
      setOutcome(refusalWords(error));
    }
    asked.again();
  };
  const link = (provider: Provider) =>
    act(async () => location.assign(await wayToLink(api, provider)));

  return (
    <section class="card" aria-labelledby="logins">
      <h2 id="logins">{say.logins}</h2>
      <ul class="rows">
        {providers.map((provider) => (
          <li key={provider.name} class="row">
            <span class="row-name">{provider.title}</span>
            {own.includes(provider.name) ? (
              <button
                type="button"
                class="button plain small"
                onClick={() => void act(() => unlink(api, provider))}
              >
                {say.unlink}
              </button>
            ) : (
              <button type="button" class="button plain small" onClick={() => void link(provider)}>
                {say.link}
              </button>
            )}
          </li>
        ))}
      </ul>
      <p class="outcome wrong" role="status">
        {outcome}
      </p>
    </section>
  );
}
