// Answers from the server that the page came from.

/** The engine: `ask` gives a promise of an answer, `stop` gives up what is being waited for. */
export async function connect() {
  let waiting = new AbortController();
  return {
    where: "the formulas are worked out by the program that serves this page, on this machine.",
    async ask(request) {
      const { signal } = waiting;
      try {
        const response = await fetch("answer", {
          method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(request), signal,
        });
        return await response.json();
      } catch (error) {
        if (signal.aborted) return { ok: false, stopped: true, error: { message: "stopped", hint: "" } };
        return { ok: false, error: { message: "the server doesn't answer", hint: "is symderiv serve still running?" } };
      }
    },
    stop() {
      waiting.abort();
      waiting = new AbortController();
    },
  };
}
