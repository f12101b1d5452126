import { useState } from "preact/hooks";
import { Said } from "../parts.tsx";
import { agoOf } from "../times.ts";
import { account } from "../words/account.ts";
import { words } from "../words/language.ts";
import type { OwnToken } from "./account-api.ts";
import { Field, Form } from "./form.tsx";
import { Shown, useActs, useAsked } from "./use-asked.tsx";
import { useDoor } from "./who.ts";

export function TokensPart() {
  const door = useDoor();
  const asked = useAsked(() => door.api.tokens());
  const [fresh, setFresh] = useState<string>();
  const { outcome, act } = useActs(asked);
  const say = words(account);

  const end = (token: OwnToken) => act(() => door.api.endToken(token.id));
  // The new one first: whoever is refused it keeps what they have.
  const renew = (token: OwnToken) =>
    act(async () => {
      setFresh(await door.api.addToken(token.name));
      await door.api.endToken(token.id);
    }, say.renewed);

  return (
    <>
      {fresh !== undefined && <Fresh token={fresh} />}
      <Shown asked={asked}>
        {(tokens) =>
          tokens.length === 0 ? (
            <p class="quiet">{say.noTokens}</p>
          ) : (
            <ul class="rows">
              {tokens.map((token) => (
                <li key={token.id} class="row">
                  <div class="row-words">
                    <p class="row-name">
                      <Said>{token.name}</Said>
                    </p>
                    <p class="hint">
                      {say.made} {agoOf(token.createdAt)} ·{" "}
                      {token.lastUsed === undefined
                        ? say.never
                        : `${say.lastUsed} ${agoOf(token.lastUsed)}`}
                    </p>
                  </div>
                  <div class="row-acts">
                    <button
                      type="button"
                      class="button plain small"
                      onClick={() => void renew(token)}
                    >
                      {say.renew}
                    </button>
                    <button
                      type="button"
                      class="button plain small"
                      onClick={() => void end(token)}
                    >
                      {say.end}
                    </button>
                  </div>
                </li>
              ))}
            </ul>
          )
        }
      </Shown>
      <p class="outcome" role="status">
        {outcome}
      </p>
      <section class="card">
        <Form
          action={say.addToken}
          clear
          onSend={async ({ name = "" }) => {
            setFresh(await door.api.addToken(name));
            asked.again();
          }}
        >
          <Field
            name="name"
            label={say.tokenName}
            placeholder={say.tokenPlaceholder}
            maxLength={60}
          />
        </Form>
      </section>
    </>
  );
}

function Fresh({ token }: { token: string }) {
  const [copied, setCopied] = useState(false);
  const say = words(account);
  return (
    <section class="card fresh" aria-label={say.newToken} role="status">
      <h2>{say.newToken}</h2>
      <p class="hint">{say.newTokenHint}</p>
      <div class="secret">
        <code>{token}</code>
        <button
          type="button"
          class="button small"
          // Without HTTPS there is no clipboard; the token can be marked by hand.
          onClick={() => void navigator.clipboard?.writeText(token).then(() => setCopied(true))}
        >
          {copied ? say.copied : say.copy}
        </button>
      </div>
    </section>
  );
}
