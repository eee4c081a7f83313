"""What a run will take, told before it is begun."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.llm.run import Task
from training.llm.settings import LLM, Limits, Prices
from training.llm.tokens import token_counter


@dataclass(frozen=True)
class Estimate:
    """Calls, tokens, cost and time of a run.

    Attributes:
        calls: Calls to make.
        prompt_tokens: Tokens of all prompts.
        answer_tokens: Tokens of all answers, as expected.
        most_answer_tokens: Tokens of all answers, if every one were as long as allowed.
    """

    calls: int
    prompt_tokens: int
    answer_tokens: int
    most_answer_tokens: int

    def lines(self, limits: Limits, prices: Prices | None) -> list[str]:
        """The estimate in words, a fact a line."""
        lines = [
            f"Calls to make: {self.calls:,}",
            f"Prompt tokens: about {self.prompt_tokens:,}",
            f"Answer tokens: about {self.answer_tokens:,}, at most {self.most_answer_tokens:,}",
        ]
        if prices is None:
            lines.append("Cost: unknown; write the model's prices under llm.prices")
        else:
            expected = prices.cost(self.prompt_tokens, self.answer_tokens)
            most = prices.cost(self.prompt_tokens, self.most_answer_tokens)
            lines.append(f"Cost: about {expected:,.2f} {prices.currency}, at most {most:,.2f}")
            lines.append(
                f"Cost by the Batch API: about {expected * prices.batch_factor:,.2f} "
                f"{prices.currency}, at most {most * prices.batch_factor:,.2f}"
            )
        minutes = self.least_minutes(limits)
        if minutes:
            lines.append(f"Time: at least {minutes:,.0f} minutes, by the limits of the recipe")
        return lines

    def least_minutes(self, limits: Limits) -> float:
        """The minutes that the rate limits alone make it take."""
        tokens = self.prompt_tokens + self.most_answer_tokens
        return max(
            self.calls / limits.requests_per_minute if limits.requests_per_minute else 0.0,
            tokens / limits.tokens_per_minute if limits.tokens_per_minute else 0.0,
        )


def estimate(tasks: Sequence[Task], llm: LLM, answer_tokens: float) -> Estimate:
    """Estimates a run.

    Args:
        tasks: The calls to make.
        llm: Whom to ask.
        answer_tokens: Tokens that an answer is expected to take.

    Returns:
        The estimate; the prompts are counted with the recipe's tokenizer.

    Raises:
        UserError: If the tokenizer cannot be loaded.
    """
    count = token_counter(llm.tokenizer)
    return Estimate(
        calls=len(tasks),
        prompt_tokens=sum(count(task.messages) for task in tasks),
        answer_tokens=round(len(tasks) * answer_tokens),
        most_answer_tokens=len(tasks) * llm.max_tokens,
    )
