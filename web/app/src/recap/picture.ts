// The evening on one picture, to be sent around: drawn on a canvas, by no server.

import type { Recap } from "../api.ts";
import { dateOf } from "../times.ts";
import { words } from "../words/language.ts";
import { recap as area } from "../words/recap.ts";
import { SIZE } from "./size.ts";

const { width: WIDTH, height: HEIGHT } = SIZE;

const MARGIN = 90;
const BOLT = new Path2D("M18.6 3 7 18.2h7.3L12.8 29 25 13.3h-7.6z");
const HEART = new Path2D(
  "M12 20.6 4.2 13a5.1 5.1 0 0 1 0-7.2 5.1 5.1 0 0 1 7.2 0l.6.6.6-.6a5.1 5.1 0 0 1 7.2 7.2z",
);
const FACE = 'ui-rounded, "SF Pro Rounded", system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif';
const SHOWN = 5;

export function paint(canvas: HTMLCanvasElement, recap: Recap): void {
  const pen = canvas.getContext("2d");
  if (pen === null) return;
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const say = words(area);

  pen.fillStyle = "#0b0a12";
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  pen.fillStyle = "#ffe14a";
  pen.fillRect(0, 0, WIDTH, 14);

  draw(pen, BOLT, MARGIN - 18, 92, 2.6, "#ffe14a");
  write(pen, "Pika", MARGIN + 62, 152, "800 52px", "#f7f4ff");
  write(pen, recap.djName, MARGIN, 320, "800 104px", "#f7f4ff");
  if (recap.startedAt !== undefined) {
    write(pen, dateOf(recap.startedAt), MARGIN, 390, "500 38px", "#b9b2cc");
  }
  const sums = [say.trackCount(recap.tracks.length), say.likeCount(recap.totalLikes)];
  if (recap.peakListeners !== undefined && recap.peakListeners > 0) {
    sums.push(say.peakCount(recap.peakListeners));
  }
  write(pen, sums.join("  ·  "), MARGIN, 465, "700 40px", "#ffe14a");

  const best = recap.tracks.toSorted((a, b) => b.likes - a.likes).slice(0, SHOWN);
  const loved = best.some((one) => one.likes > 0);
  write(pen, loved ? say.topTracks : say.tracks, MARGIN, 580, "700 34px", "#b9b2cc");
  best.forEach(({ track, likes }, i) => {
    const top = 620 + i * 132;
    pen.fillStyle = "#16141f";
    pen.beginPath();
    pen.roundRect(MARGIN, top, WIDTH - 2 * MARGIN, 112, 28);
    pen.fill();
    const room = WIDTH - 2 * MARGIN - 240;
    write(pen, track.title, MARGIN + 36, top + 52, "700 40px", "#f7f4ff", room);
    write(pen, track.artist, MARGIN + 36, top + 92, "500 30px", "#b9b2cc", room);
    if (likes > 0) {
      draw(pen, HEART, WIDTH - MARGIN - 170, top + 30, 2.2, "#ff6b86");
      write(pen, String(likes), WIDTH - MARGIN - 104, top + 70, "800 42px", "#ff6b86");
    }
  });
}

function draw(
  pen: CanvasRenderingContext2D,
  shape: Path2D,
  x: number,
  y: number,
  size: number,
  colour: string,
) {
  pen.save();
  pen.translate(x, y);
  pen.scale(size, size);
  pen.fillStyle = colour;
  pen.fill(shape);
  pen.restore();
}

/** One line; what is too long for its place ends in an ellipsis. */
function write(
  pen: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  font: string,
  colour: string,
  room = WIDTH - 2 * MARGIN,
) {
  pen.font = `${font} ${FACE}`;
  pen.fillStyle = colour;
  const letters = [...text];
  let shown = text;
  while (letters.length > 0 && pen.measureText(shown).width > room) {
    letters.pop();
    shown = `${letters.join("").trimEnd()}…`;
  }
  pen.fillText(shown, x, y);
}
