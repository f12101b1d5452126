/** Gives bytes of this page to the visitor as a file. */
export function saveFile(name: string, bytes: Blob): void {
  const url = URL.createObjectURL(bytes);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken hold of the bytes by the time the next task runs.
  setTimeout(() => URL.revokeObjectURL(url), 0);
}
