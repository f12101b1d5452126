import { Component, type ComponentChildren } from "preact";
import { Message } from "./parts.tsx";
import type { Report } from "./errors.ts";
import { errors } from "./words/errors.ts";
import { words } from "./words/language.ts";

interface Props {
  report: Report;
  children: ComponentChildren;
}

/** A page that cannot be drawn says so, instead of leaving a dark screen, and is reported. */
export class ErrorBoundary extends Component<Props, { broke: boolean }> {
  override state = { broke: false };

  static override getDerivedStateFromError() {
    return { broke: true };
  }

  override componentDidCatch(error: unknown): void {
    this.props.report("render", error);
  }

  override render() {
    if (!this.state.broke) return this.props.children;
    const say = words(errors);
    return (
      <Message title={say.brokeTitle}>
        <p>{say.brokeHelp}</p>
        <button type="button" class="button" onClick={() => location.reload()}>
          {say.reload}
        </button>
      </Message>
    );
  }
}
