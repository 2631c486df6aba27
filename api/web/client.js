/**
 * The reference client of version 1, without anything of the page: copy it into your own.
 *
 * Two rules make it safe to use over a connection that breaks.
 *
 * 1. What did not arrive, or failed for the moment, is sent again: after 429 once `Retry-After` has passed,
 *    and after a broken connection, 502, 503, 504 or a 500 that says `retryable`, after pauses that double.
 *    That is safe for every call, since answers and ends may be repeated by contract, and since what makes
 *    something new carries an `Idempotency-Key`, the same one each time.
 * 2. Over the socket an answer is kept until its `feedback` has come. After every reconnect it is sent once
 *    more with its question's id, for which the contract promises the stored grade: it is never graded twice.
 */

const FIRST_PAUSE = 0.25; // seconds
const LONGEST_PAUSE = 8;
const CALL_SECONDS = 120;
const SILENT_SECONDS = 75; // longer than a model may take; then the connection counts as dead
const TOO_LARGE = 1009;

/**
 * The server refused or failed, or could not be reached.
 *
 * `code` is the contract's, or `unreachable` when no answer came, or `not_understood` when it came from
 * something else. `status` is the HTTP status, 0 where there is none.
 */
export class CallFailed extends Error {
  constructor(code, message, details = {}, status = 0) {
    super(message);
    Object.assign(this, { name: "CallFailed", code, details, status });
  }
}

/** Calls are values: sending the same one twice is asking once. */
export const createInterview = (config) => post("interviews", config, once());
export const readInterview = (id) => ({ method: "GET", path: `interviews/${encodeURIComponent(id)}` });
export const endInterview = (id) => post(`interviews/${encodeURIComponent(id)}/end`);
export const requestFeedback = (body) => post("coaching/feedback", body);
export const requestPractice = (body) => post("coaching/practice-questions", body, once());

/** Sends calls with one key. `key` may be replaced, for instance after a 401. */
export class Client {
  /** @param {URL | string} base where version 1 is, such as https://example.org/api/v1/ */
  constructor(base, key) {
    this.base = new URL(base);
    this.key = key;
    this.clockAhead = 0; // milliseconds that the server's clock is ahead of ours
  }

  /**
   * The `data` of a call's success; throws `CallFailed`, or the signal's reason once it is aborted.
   * `onWait` hears `{ until, failure }` before each pause (`until` as in Date.now()), and null after it.
   */
  async send(call, { signal, onWait = () => {} } = {}) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.sendOnce(call, signal);
      } catch (failure) {
        const seconds = pauseAfter(failure, attempt);
        if (seconds === null) throw failure;
        onWait({ until: Date.now() + seconds * 1000, failure });
        await sleep(seconds, signal);
        onWait(null);
      }
    }
  }

  /** The same without repetition. */
  async sendOnce({ method, path, body, headers }, signal) {
    const timeout = AbortSignal.timeout(CALL_SECONDS * 1000);
    let response;
    let content;
    try {
      response = await fetch(new URL(path, this.base), {
        method,
        headers: { Authorization: `Bearer ${this.key}`, "Content-Type": "application/json", ...headers },
        body: body && JSON.stringify(body),
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
        cache: "no-store",
      });
      content = await response.text();
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new CallFailed("unreachable", "The server cannot be reached.");
    }
    this.#compareClocks(response);
    return read(response, content);
  }

  /** The address of an interview's socket. Browsers cannot set its headers, so the key is in the query. */
  socketUrl(interviewId) {
    const url = new URL(`ws/interviews/${encodeURIComponent(interviewId)}`, this.base);
    url.protocol = url.protocol.replace("http", "ws");
    url.search = new URLSearchParams({ token: this.key, stream: "true" });
    return url;
  }

  #compareClocks(response) {
    const theirs = Date.parse(response.headers.get("Date") ?? "");
    if (!Number.isNaN(theirs)) this.clockAhead = theirs - Date.now();
  }
}

/**
 * One interview held live, over as many sockets as it takes.
 *
 * `tell` hears what happens as `{ type, … }`:
 *
 * - `connection`: `state` is `connecting`, `open`, `waiting` (until `until`, for `failure`) or `refused` (for
 *   `failure`; after a new key, `open()` tries again)
 * - `question`: `question` is open; it may be told again after a reconnect
 * - `thinking`: `isThinking`
 * - `writing`: a piece of feedback as it is written: `questionId`, `text`
 * - `feedback`: the grade of the answer to `questionId`: `evaluation`
 * - `rejected`: the server does not take the `answer` for good, because of `failure`
 * - `ended`: the interview is over: `summary`
 */
export class Conversation {
  #client;
  #id;
  #tell;
  #socket = null;
  #pending;
  #attempts = 0;
  #wait = null; // what is done after a pause, and the pause's timer
  #silence = null;

  /** `pending`, as `{ questionId, text }`, is an answer whose grade has not come, say from before a reload. */
  constructor(client, interviewId, tell, pending = null) {
    this.#client = client;
    this.#id = interviewId;
    this.#tell = tell;
    this.#pending = pending;
  }

  /** Connect. The server then says where things stand. */
  open() {
    this.close();
    this.#tell({ type: "connection", state: "connecting" });
    const socket = new WebSocket(this.#client.socketUrl(this.#id));
    let opened = false;
    socket.onopen = () => {
      opened = true;
      this.#tell({ type: "connection", state: "open" });
      this.#sendPending();
    };
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = ({ code }) => {
      this.#forget();
      if (opened) this.#mend(code);
      else this.#findOutWhy();
    };
    this.#socket = socket;
  }

  /** Leave; the interview goes on whenever somebody connects again. */
  close() {
    clearTimeout(this.#wait?.timer);
    this.#wait = null;
    const socket = this.#socket;
    this.#forget();
    socket?.close();
  }

  /** Answer a question. Until its grade has come the answer is repeated whenever that is needed. */
  answer(questionId, text) {
    this.#pending = { questionId, text };
    this.#sendPending();
  }

  /** Say whether somebody is typing; nobody waits for this, so without a connection it is dropped. */
  typing(isTyping) {
    this.#send("typing", { is_typing: isTyping });
  }

  /** Do at once what a pause holds back, unless the server asked for the pause. */
  hurry() {
    if (this.#wait === null || this.#wait.failure.code === "rate_limited") return;
    const { next } = this.#wait;
    clearTimeout(this.#wait.timer);
    this.#wait = null;
    next();
  }

  /** The connection broke: a new one after a pause, and the answer over it. */
  #mend(code) {
    if (code === TOO_LARGE) {
      this.#withdraw(new CallFailed("invalid_request", "The answer is too long for the server."));
    }
    this.#pauseAfter(new CallFailed("unreachable", "The connection was lost."), () => this.open());
  }

  /** A browser does not tell why a socket was refused. The interview's own address does. */
  async #findOutWhy() {
    let failure = new CallFailed("unreachable", "The server cannot be reached.");
    const wait = { timer: 0, next: () => {}, failure };
    this.#wait = wait;
    try {
      await this.#client.sendOnce(readInterview(this.#id));
      failure = new CallFailed("unreachable", "The server does not take another connection now.");
    } catch (error) {
      failure = error;
    }
    if (this.#wait !== wait) return; // closed, or opened again, in the meantime
    this.#pauseAfter(failure, () => this.open());
  }

  #receive({ type, data }) {
    this.#attempts = 0;
    this.#watch();
    if (type === "question") this.#tell({ type, question: data });
    else if (type === "thinking") this.#tell({ type, isThinking: data.is_thinking });
    else if (type === "feedback_delta") {
      this.#tell({ type: "writing", questionId: data.question_id, text: data.text });
    } else if (type === "feedback") {
      if (this.#pending?.questionId === data.question_id) this.#pending = null;
      this.#watch();
      this.#tell({ type, questionId: data.question_id, evaluation: data });
    } else if (type === "interview_ended") {
      this.#tell({ type: "ended", summary: data.summary });
      this.close();
    } else if (type === "error") {
      this.#overcome(new CallFailed(data.code, data.message, data.details));
    }
  }

  /** Wait and repeat where the server says that this helps; otherwise the answer is given back. */
  #overcome(failure) {
    const repeat = () => {
      this.#tell({ type: "connection", state: "open" });
      if (!this.#sendPending()) this.#send("request_next", {});
    };
    if (pauseAfter(failure, 0) !== null) this.#pauseAfter(failure, repeat);
    else {
      this.#withdraw(failure);
      this.#send("request_next", {});
    }
  }

  #withdraw(failure) {
    const answer = this.#pending;
    this.#pending = null;
    this.#tell({ type: "rejected", failure, answer });
  }

  #pauseAfter(failure, next) {
    const seconds = pauseAfter(failure, this.#attempts);
    this.#attempts += 1;
    if (seconds === null) {
      this.#wait = null;
      this.#tell({ type: "connection", state: "refused", failure });
      return;
    }
    clearTimeout(this.#wait?.timer);
    clearTimeout(this.#silence);
    const timer = setTimeout(() => {
      this.#wait = null;
      next();
    }, seconds * 1000);
    this.#wait = { timer, next, failure };
    this.#tell({ type: "connection", state: "waiting", until: Date.now() + seconds * 1000, failure });
  }

  #sendPending() {
    if (this.#pending === null) return false;
    const { questionId, text } = this.#pending;
    this.#send("answer", { question_id: questionId, answer: text });
    this.#watch();
    return true;
  }

  #send(type, data) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ type, data }));
  }

  /** A connection can be dead without a word; one that stays silent under an answer is given up. */
  #watch() {
    clearTimeout(this.#silence);
    if (this.#pending !== null) this.#silence = setTimeout(() => this.open(), SILENT_SECONDS * 1000);
  }

  #forget() {
    clearTimeout(this.#silence);
    if (this.#socket) this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket = null;
  }
}

/** Seconds to wait before the same may be sent again, or null if the failure is final. */
export function pauseAfter(failure, attempt) {
  if (!(failure instanceof CallFailed)) return null;
  if (failure.code === "rate_limited") return failure.details.retry_after ?? LONGEST_PAUSE;
  const passing =
    failure.code === "unreachable" ||
    failure.details.retryable === true ||
    [502, 503, 504].includes(failure.status);
  // Spread, so that clients cut off together do not come back together.
  return passing ? Math.min(FIRST_PAUSE * 2 ** attempt, LONGEST_PAUSE) * (0.5 + Math.random() / 2) : null;
}

function post(path, body, headers = {}) {
  return { method: "POST", path, body, headers };
}

function once() {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID() is missing on plain http
  return { "Idempotency-Key": Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("") };
}

function read(response, content) {
  try {
    const envelope = JSON.parse(content);
    if (response.ok && envelope.status === "success") return envelope.data;
    const { code, message, details } = envelope.error;
    const stated = Number(response.headers.get("Retry-After"));
    const known = stated > 0 ? { retry_after: stated, ...details } : details;
    throw new CallFailed(code, message, known, response.status);
  } catch (error) {
    if (error instanceof CallFailed) throw error;
    const fact = `The server answered ${response.status}, but not as an interviewer does.`;
    throw new CallFailed("not_understood", fact, {}, response.status);
  }
}

function sleep(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
