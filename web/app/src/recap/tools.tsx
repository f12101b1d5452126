// What somebody can take home from a recap: files, paper, and a picture.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Recap } from "../api.ts";
import { saveFile } from "../save-file.ts";
import { language, words } from "../words/language.ts";
import { recap as area } from "../words/recap.ts";
import { SIZE } from "./size.ts";

export function Tools({ recap }: { recap: Recap }) {
  const [picture, setPicture] = useState(false);
  const say = words(area);
  const file = (format: string) =>
    `/api/sessions/${encodeURIComponent(recap.sessionId)}/recap?format=${format}`;
  return (
    <section class="tools" aria-labelledby="tools-heading">
      <h2 id="tools-heading">{say.take}</h2>
      <p class="actions">
        <a class="button plain small" href={file("csv")} download>
          {say.csv}
        </a>
        <a class="button plain small" href={file("json")} download>
          {say.json}
        </a>
        {recap.polls !== undefined && recap.polls.length > 0 && (
          <a class="button plain small" href={file("polls-csv")} download>
            {say.pollsCsv}
          </a>
        )}
        <button type="button" class="button plain small" onClick={() => print()}>
          {say.print}
        </button>
        <button
          type="button"
          class="button plain small"
          aria-expanded={picture}
          onClick={() => setPicture(!picture)}
        >
          {say.picture}
        </button>
      </p>
      {picture && <Picture recap={recap} />}
    </section>
  );
}

function Picture({ recap }: { recap: Recap }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const spoken = language();
  const say = words(area);
  useEffect(() => {
    // Without its code the picture stays dark, and the recap is still there.
    import("./picture.ts").then(
      ({ paint }) => canvas.current !== null && paint(canvas.current, recap),
      () => {},
    );
  }, [recap, spoken]);

  const name = `pika-${recap.sessionId}.png`;
  const bytes = (use: (file: File) => void) =>
    canvas.current?.toBlob((blob) => {
      if (blob !== null) use(new File([blob], name, { type: "image/png" }));
    }, "image/png");
  const share = (file: File) => {
    // Whoever changes their mind in the system's own sheet has not met an error.
    void navigator.share({ files: [file], title: say.pageTitle(recap.djName) }).catch(() => {});
  };

  return (
    <figure class="picture">
      <canvas ref={canvas} {...SIZE} role="img" aria-label={say.pictureOf(recap.djName)} />
      <figcaption class="actions">
        <button
          type="button"
          class="button small"
          onClick={() => bytes((file) => saveFile(name, file))}
        >
          {say.savePicture}
        </button>
        {canShare() && (
          <button type="button" class="button plain small" onClick={() => bytes(share)}>
            {say.sharePicture}
          </button>
        )}
      </figcaption>
    </figure>
  );
}

function canShare(): boolean {
  const probe = new File([], "x.png", { type: "image/png" });
  return typeof navigator.canShare === "function" && navigator.canShare({ files: [probe] });
}
