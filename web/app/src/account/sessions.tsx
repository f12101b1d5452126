import { Said } from "../parts.tsx";
import { agoOf } from "../times.ts";
import { account } from "../words/account.ts";
import { words } from "../words/language.ts";
import { agentOf } from "./agent.ts";
import { Shown, useActs, useAsked } from "./use-asked.tsx";
import { useDoor } from "./who.ts";

export function SessionsPart() {
  const door = useDoor();
  const asked = useAsked(() => door.api.sessions());
  const { outcome, act } = useActs(asked);
  const say = words(account);

  return (
    <Shown asked={asked}>
      {(sessions) => (
        <>
          <ul class="rows">
            {sessions.map((one) => (
              <li key={one.id} class="row">
                <div class="row-words">
                  <p class="row-name">
                    <Said>
                      {agentOf(one.label) || (one.kind === "app" ? say.app : say.browser)}
                    </Said>
                    {one.current && <span class="chip now">{say.thisOne}</span>}
                  </p>
                  <p class="hint">
                    {say.began} {agoOf(one.createdAt)}
                    {one.lastUsed !== undefined && ` · ${say.lastUsed} ${agoOf(one.lastUsed)}`}
                  </p>
                </div>
                {!one.current && (
                  <button
                    type="button"
                    class="button plain small"
                    onClick={() => void act(() => door.api.endSession(one.id))}
                  >
                    {say.end}
                  </button>
                )}
              </li>
            ))}
          </ul>
          <div class="form-foot">
            {sessions.length > 1 && (
              <button
                type="button"
                class="button plain"
                onClick={() => void act(() => door.api.endOthers(), say.endedOthers)}
              >
                {say.endOthers}
              </button>
            )}
            <p class="outcome" role="status">
              {outcome}
            </p>
          </div>
        </>
      )}
    </Shown>
  );
}
