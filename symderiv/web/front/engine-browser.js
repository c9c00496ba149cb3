// Answers from Python in this browser: Pyodide in a worker, which is ended and started anew where it takes too long.

const SECONDS = 60;

/** The engine; `say` is told how far the loading has come. */
export async function connect(say) {
  let worker, ready, count = 0;
  const open = new Map();

  function start() {
    worker = new Worker("engine-worker.js", { type: "module" });
    ready = new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => {
        if (data.state) say(data.state);
        if (data.state === "ready") resolve();
        if (data.failed) reject(new Error(data.failed));
        if (data.answer) settle(data.id, JSON.parse(data.answer));
      };
      worker.onerror = (event) => reject(new Error(event.message || "the engine can't be loaded"));
    });
    ready.catch(() => {});
  }

  function settle(id, answer) {
    const one = open.get(id);
    if (!one) return;
    clearTimeout(one.timer);
    open.delete(id);
    one.resolve(answer);
  }

  function restart(message, hint, stopped) {
    worker.terminate();
    start();
    for (const id of [...open.keys()]) settle(id, { ok: false, stopped, error: { message, hint } });
  }

  start();
  return {
    where: "Python itself runs in this browser; once loaded, the page needs no network.",
    async ask(request) {
      try {
        await ready;
      } catch (error) {
        return { ok: false, error: { message: String(error.message), hint: "reload the page; a recent browser is needed" } };
      }
      const id = ++count;
      return new Promise((resolve) => {
        const timer = setTimeout(() => restart(`not done within ${SECONDS} seconds`,
          "give intermediate values names (z = …), or ask for one variable at a time", false), SECONDS * 1000);
        open.set(id, { resolve, timer });
        worker.postMessage({ id, text: JSON.stringify(request) });
      });
    },
    stop() {
      restart("stopped", "", true);
    },
  };
}
