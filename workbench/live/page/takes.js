// Recorded takes: where they are, their scores, and a copy among the recordings that runs score.

export class Takes {
  // say(text, isBad) shows a message.
  constructor(connection, section, list, say) {
    Object.assign(this, { connection, section, list, say });
    this.client = null;
    this.recording = false;
  }

  async toggle() {
    await this.attempt(`clients/${this.client}/take${this.recording ? "/stop" : ""}`);
  }

  async attempt(path) {
    try {
      return (await this.connection.post(path)) ?? {};
    } catch (error) {
      this.say(error.message, true);
      return null;
    }
  }

  add({ name, file, seconds }) {
    const item = document.createElement("li");
    const text = document.createElement("span");
    text.textContent = `${file}, ${seconds.toFixed(1)} s`;
    item.append(text, this.button("Score this take", () => this.score(name)));
    const place = this.button("Place in sung/", async () => {
      const placed = await this.attempt(`takes/${name}/sung`);
      if (!placed) return;
      place.disabled = true;
      this.say(`${placed.file} is there for the next run`);
    });
    item.append(place);
    this.list.prepend(item);
    this.section.hidden = false;
  }

  // The page of the report is opened at once, because a browser blocks one that is opened later. It waits for the scores.
  async score(name) {
    window.open(new URL(`takes/${name}/report`, document.baseURI), "_blank", "noopener");
    await this.attempt(`takes/${name}/score`);
  }

  button(text, onClick) {
    const button = document.createElement("button");
    button.textContent = text;
    button.addEventListener("click", onClick);
    return button;
  }
}
