// Texts to start with, each set showing something that words alone do not.
import type { Prompt } from "./api";

export interface Example {
  name: string;
  split: "line" | "block";
  queries: string[];
  passages: string[];
  prompt?: Prompt;
}

export const examples: Example[] = [
  {
    name: "questions and answers",
    split: "line",
    queries: ["How do I keep bread from going stale?", "Why is the sky blue?", "How long does it take to learn a language?"],
    passages: [
      "A loaf stays soft for days in a paper bag inside a tin; the fridge dries it out.",
      "Air scatters short wavelengths of sunlight much more than long ones.",
      "Most people need six hundred hours or more before they can hold a conversation with ease.",
      "The night train to the coast leaves at half past ten.",
      "Rye flour holds water well and moulds late.",
    ],
  },
  {
    name: "finding code",
    split: "block",
    queries: ["where is the session token checked?", "retry a request that failed"],
    passages: [
      "def authorize(request):\n    token = request.cookies.get('session')\n    if not hmac.compare_digest(sign(token), request.signature):\n        raise Forbidden()",
      "for attempt in range(5):\n    try:\n        return send(message)\n    except TimeoutError:\n        time.sleep(2 ** attempt)",
      "SELECT name, SUM(amount) FROM orders\nGROUP BY name ORDER BY 2 DESC LIMIT 10;",
      "function debounce(f, ms) {\n  let timer;\n  return (...args) => {\n    clearTimeout(timer);\n    timer = setTimeout(() => f(...args), ms);\n  };\n}",
    ],
  },
  {
    name: "the same said twice",
    split: "line",
    queries: [],
    passages: [
      "The meeting was moved to Thursday.",
      "We now meet on Thursday instead.",
      "The parcel arrived with a broken corner.",
      "My package was damaged in the post.",
      "Thursday's match was called off.",
    ],
  },
];
