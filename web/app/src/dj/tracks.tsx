// What to play: typed, from a list, from a file.

import type { TargetedDragEvent, TargetedSubmitEvent } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { NOBODY, textOf, type DjTrack } from "@pika/client/dj";
import { Named, Said } from "../parts.tsx";
import { useServices } from "../services.ts";
import { words } from "../words/language.ts";
import { dj as area } from "../words/dj.ts";
import type { PanelProps } from "./console.tsx";
import { EMPTY, keepList, keptList, taken, type TrackList } from "./track-list.ts";

const LARGEST_FILE = 4 * 1024 * 1024;

export function Tracks({ client }: PanelProps) {
  const say = words(area);
  return (
    <>
      <section class="card desk-panel desk-tracks" aria-labelledby="dj-list">
        <h2 id="dj-list">{say.list}</h2>
        <List play={(track) => client.play(track)} />
      </section>
      <section class="card desk-panel desk-hand" aria-labelledby="dj-hand">
        <h2 id="dj-hand">{say.byHand}</h2>
        <ByHand play={(track) => client.play(track)} />
      </section>
    </>
  );
}

type Play = (track: DjTrack) => void;

function ByHand({ play }: { play: Play }) {
  const say = words(area);
  const [artist, title, bpm] = [useId(), useId(), useId()];
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const data = new FormData(form);
    const named = (name: string) => String(data.get(name) ?? "").trim();
    const beats = Number(named("bpm"));
    play({
      title: named("title"),
      artist: named("artist") || NOBODY,
      ...(beats >= 40 && beats <= 300 ? { bpm: beats } : {}),
    });
    form.reset();
  };
  return (
    <form class="desk-form" onSubmit={submit}>
      <label for={title}>{say.trackTitle}</label>
      <input id={title} name="title" required maxLength={500} autocomplete="off" />
      <label for={artist}>{say.artist}</label>
      <input id={artist} name="artist" maxLength={500} autocomplete="off" />
      <div class="desk-row">
        <label for={bpm}>{say.bpm}</label>
        <input
          id={bpm}
          name="bpm"
          type="number"
          min={40}
          max={300}
          step="any"
          inputMode="decimal"
        />
        <button type="submit" class="button small">
          {say.play}
        </button>
      </div>
    </form>
  );
}

function List({ play }: { play: Play }) {
  const { platform } = useServices();
  const say = words(area);
  const [list, setList] = useState<TrackList>(() => keptList(platform));
  const [before, setBefore] = useState<TrackList | null>(null);
  const [note, setNote] = useState("");
  const [over, setOver] = useState(false);

  const become = (next: TrackList, undoable = false) => {
    keepList(platform, next);
    setBefore(undoable ? list : null);
    setList(next);
  };
  const take = (text: string) => {
    const { list: next, added, unreadable } = taken(list, text);
    become(next, added > 0);
    setNote(unreadable > 0 ? `${say.took(added)}, ${say.unreadable(unreadable)}` : say.took(added));
  };
  const takeFile = async (file: File | undefined) => {
    if (file === undefined) return;
    if (file.size > LARGEST_FILE) return setNote(say.tooLarge);
    take(textOf(new Uint8Array(await file.arrayBuffer())));
  };
  const playAt = (place: number) => {
    const track = list.tracks[place];
    if (track === undefined) return;
    play(track);
    setNote("");
    become({ ...list, next: place + 1 });
  };
  const drop = (event: TargetedDragEvent<HTMLElement>) => {
    event.preventDefault();
    setOver(false);
    void takeFile(event.dataTransfer?.files[0]);
  };

  const next = list.tracks[list.next];
  return (
    <div
      class="desk-drop"
      data-over={over}
      data-testid="dj-drop"
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <button
        type="button"
        class="button desk-next"
        data-testid="dj-next"
        disabled={next === undefined}
        onClick={() => playAt(list.next)}
      >
        <span>{say.playNext}</span>
        {next !== undefined && (
          <small>
            <Said>{`${next.title} – ${next.artist}`}</Said>
          </small>
        )}
      </button>
      {list.tracks.length > 0 && <Rows list={list} playAt={playAt} />}
      {list.tracks.length > 0 && next === undefined && <p class="hint">{say.listDone}</p>}
      <p class="hint" role="status" data-testid="dj-list-note">
        {over ? say.dropHere : note}
      </p>
      <div class="desk-row">
        {list.tracks.length > 0 && (
          <button type="button" class="button plain small" onClick={() => become(EMPTY, true)}>
            {say.clearList}
          </button>
        )}
        {before !== null && (
          <button
            type="button"
            class="button plain small"
            onClick={() => {
              setNote("");
              become(before);
            }}
          >
            {say.undo}
          </button>
        )}
      </div>
      <Paste take={take} takeFile={(file) => void takeFile(file)} open={list.tracks.length === 0} />
    </div>
  );
}

function Rows({ list, playAt }: { list: TrackList; playAt: (place: number) => void }) {
  const say = words(area);
  const box = useRef<HTMLOListElement>(null);
  // The next one stays in sight; only the box scrolls, never the page under a thumb.
  useEffect(() => {
    const row = box.current?.children[Math.max(0, list.next - 1)];
    if (row instanceof HTMLElement && box.current !== null) box.current.scrollTop = row.offsetTop;
  }, [list.next]);
  return (
    <ol class="desk-rows" ref={box}>
      {list.tracks.map((track, place) => (
        // A list may hold one track twice; its place is what tells the rows apart.
        <li
          key={place}
          class={place < list.next ? "desk-track played" : "desk-track"}
          aria-current={place === list.next ? "step" : undefined}
        >
          <Named
            title={track.title}
            artist={track.artist}
            after={track.bpm !== undefined && ` · ${Math.round(track.bpm)} BPM`}
          />
          <button
            type="button"
            class="button plain small"
            aria-label={say.playTrack(track.title)}
            onClick={() => playAt(place)}
          >
            {say.play}
          </button>
        </li>
      ))}
    </ol>
  );
}

interface PasteProps {
  take: (text: string) => void;
  takeFile: (file: File | undefined) => void;
  open: boolean;
}

function Paste({ take, takeFile, open }: PasteProps) {
  const say = words(area);
  const [text, setText] = useState("");
  const [field, file] = [useId(), useId()];
  return (
    <details class="desk-paste" open={open}>
      <summary>{say.pasteLabel}</summary>
      <p class="hint">{say.listHelp}</p>
      <label for={field} class="unseen">
        {say.pasteLabel}
      </label>
      <textarea
        id={field}
        rows={4}
        spellcheck={false}
        placeholder={"Adele - Rolling in the Deep\nPrince - Kiss"}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <div class="desk-row">
        <button
          type="button"
          class="button small"
          disabled={text.trim() === ""}
          onClick={() => {
            take(text);
            setText("");
          }}
        >
          {say.takeOver}
        </button>
        <label for={file} class="button plain small desk-file">
          {say.chooseFile}
          <input
            id={file}
            type="file"
            class="unseen"
            accept=".m3u,.m3u8,.txt,.xml,audio/x-mpegurl,text/plain"
            onChange={(event) => {
              takeFile(event.currentTarget.files?.[0]);
              event.currentTarget.value = "";
            }}
          />
        </label>
      </div>
    </details>
  );
}
