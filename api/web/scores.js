/** Turns by name and topic. A topic's worth follows the service's own rule, which its documents state. */

const MOST_FOLLOW_UP_EFFECT = 3;

/** The turns, each with its `name`, such as "Follow-up to question 2", and a short `label`, such as "2a". */
export function nameTurns(turns) {
  let [number, follower] = [0, 0];
  return turns.map((turn) => {
    if (turn.question.kind === "main") {
      number += 1;
      follower = 0;
      return { ...turn, name: `Question ${number}`, label: String(number) };
    }
    follower += 1;
    const letter = String.fromCharCode(96 + follower);
    return { ...turn, name: nameFollowUp(number, follower), label: `${number}${letter}` };
  });
}

export function nameFollowUp(number, follower) {
  return `${follower > 1 ? "Second follow-up" : "Follow-up"} to question ${number}`;
}

/** Competencies in the order they came up, each with the mean worth of its graded topics, or null. */
export function scoreCompetencies(turns) {
  const found = new Map();
  for (const topic of topicsOf(turns)) {
    const name = topic[0].question.competency;
    found.set(name, [...(found.get(name) ?? []), worth(topic)]);
  }
  return Array.from(found, ([name, scores]) => ({ name, score: mean(scores.filter((one) => one !== null)) }));
}

function topicsOf(turns) {
  const topics = new Map();
  for (const turn of turns) {
    const id = turn.question.parent_id ?? turn.question.id;
    topics.set(id, [...(topics.get(id) ?? []), turn]);
  }
  return [...topics.values()];
}

/** The main answer's score, moved towards the follow-ups' mean: half the way up or a quarter of it down. */
function worth([main, ...followUps]) {
  if (!main.evaluation) return null;
  const { score } = main.evaluation;
  const others = mean(followUps.flatMap((turn) => turn.evaluation?.score ?? []));
  if (others === null) return score;
  const effect = (others - score) * (others > score ? 0.5 : 0.25);
  return score + Math.min(Math.max(effect, -MOST_FOLLOW_UP_EFFECT), MOST_FOLLOW_UP_EFFECT);
}

function mean(numbers) {
  return numbers.length ? numbers.reduce((sum, one) => sum + one, 0) / numbers.length : null;
}
