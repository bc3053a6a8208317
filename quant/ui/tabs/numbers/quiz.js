// The questions of Números: an answer opens the explanation below it and says whether it was right. Without this script
// the explanations open by themselves, being <details>.
(() => {
  "use strict";
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(".lab-quiz [data-answer]");
    const question = button?.closest("li");
    if (!question || question.dataset.chosen) return;
    const whole = question.closest(".lab-quiz");
    const { right } = question.dataset;
    const chosen = button.dataset.answer === right ? "right" : "wrong";
    question.dataset.chosen = chosen;
    for (const answer of question.querySelectorAll("[data-answer]")) {
      answer.setAttribute("aria-disabled", "true"); // not `disabled`, which would take the focus away
      if (answer.dataset.answer === right) answer.classList.add("right");
      else if (answer === button) answer.classList.add("wrong");
    }
    question.querySelector("details").open = true;
    // Read aloud once it is in sight.
    setTimeout(() => (question.querySelector("b[role=status]").textContent = whole.dataset[chosen]), 50);
    score(whole);
  });

  function score(whole) {
    const of = (what) => whole.querySelectorAll(`[data-chosen${what}]`).length;
    const said = whole.dataset.score.replace("{right}", of("=right")).replace("{answered}", of(""));
    whole.querySelector(".lab-quiz-score").textContent = said;
  }
})();
