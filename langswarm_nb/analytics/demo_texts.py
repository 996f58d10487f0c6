"""What the people and the models of the demo store say: for each topic, prompts with a blank, fillings, and replies."""

from __future__ import annotations

import itertools

# topic -> (prompts, fillings of the blank, sentences of replies)
_TOPICS: dict[str, tuple[list[str], list[str], list[str]]] = {
    "pandas": (
        [
            "How do I group {} by month in pandas?",
            "My merge of {} doubles the rows. Why?",
            "Plot {} as a line with a rolling mean.",
        ],
        ["sales", "sensor readings", "web visits", "invoices", "bike rides"],
        [
            "Use `df.groupby(pd.Grouper(key='date', freq='MS'))`.",
            "Check the keys first: `df.duplicated('id').sum()` should be 0 on one side.",
            "```python\nmonthly = df.resample('MS', on='date').sum()\n```",
            "`validate='many_to_one'` makes the merge fail early.",
        ],
    ),
    "sql": (
        [
            "Write a query that finds the latest row for each {}.",
            "Explain window functions with {} as the example.",
            "Why is my join over {} slow?",
        ],
        ["customer", "device", "order", "city"],
        [
            "`QUALIFY row_number() OVER (PARTITION BY id ORDER BY at DESC) = 1` keeps the newest.",
            "A window function looks at neighbouring rows without folding them together.",
            "Filter before you join, and join on the narrower key.",
            "```sql\nSELECT * FROM t WHERE at >= now() - INTERVAL 7 DAY\n```",
        ],
    ),
    "travel": (
        [
            "Plan two days in {}.",
            "What should I pack for {} in November?",
            "Is {} good for a family with small children?",
        ],
        ["Oslo", "Lisbon", "Kyoto", "Tallinn", "Porto", "Ghent"],
        [
            "## Day one\nStart early in the old town and walk down to the water.",
            "Take layers, a rain jacket and shoes that can get wet.",
            "Book the museum online; the queue is long after ten.",
            "The tram is easier than a car and children ride for less.",
        ],
    ),
    "writing": (
        [
            "Make this letter about {} shorter and friendlier.",
            "Give me three titles for a talk on {}.",
            "Proofread my paragraph on {}.",
        ],
        ["a late delivery", "open data", "urban trees", "a new library", "remote work"],
        [
            "Here is a shorter version that keeps the point and loses the apology.",
            "1. What we measured\n2. What surprised us\n3. What to do on Monday",
            "I changed two commas and one verb; the rest reads well.",
            "The strongest sentence is your last one, so put it first.",
        ],
    ),
    "statistics": (
        [
            "Which test compares {} before and after?",
            "How large must a sample of {} be?",
            "Explain the p-value of {} to my boss.",
        ],
        ["two groups of patients", "conversion rates", "reaction times", "survey answers"],
        [
            "A paired test, because the same people are measured twice.",
            "With an effect of 0.3 and power of 80 % you need about 90 pairs.",
            "It is the chance of data at least this extreme if nothing had changed.",
            "Report the interval too: $\\bar{x} \\pm 1.96\\,s/\\sqrt{n}$.",
        ],
    ),
    "cooking": (
        [
            "What can I cook with {}?",
            "How long do I roast {}?",
            "A week of lunches around {}, please.",
        ],
        ["chickpeas", "a pumpkin", "leeks and potatoes", "red lentils", "mushrooms"],
        [
            "Roast it hot, 220 degrees, until the edges are dark.",
            "| day | lunch |\n| --- | --- |\n| Mon | soup |\n| Tue | salad |",
            "Lemon at the end does more than salt at the start.",
            "Soak it overnight, then it is done in forty minutes.",
        ],
    ),
    "debugging": (
        [
            "This traceback ends in {}. What does it mean?",
            "Write a test that catches {}.",
            "Refactor the function that raises {}.",
        ],
        ["a KeyError", "a race condition", "an off-by-one error", "a memory leak", "a timeout"],
        [
            "The last line names the error, the line above it the place.",
            "Two tasks write the same value; give one of them the lock.",
            "```python\ndef test_last_row():\n    assert page(10, size=5)[-1].id == 10\n```",
            "Make the smallest input that still fails, then step through it.",
        ],
    ),
}


def conversation_pool() -> tuple[list[list[str]], list[list[str]]]:
    """Return prompts and replies, one list a topic, in a fixed order."""
    prompts = [
        [text.format(filling) for text in texts for filling in fillings] for texts, fillings, _ in _TOPICS.values()
    ]
    replies = [
        ["\n\n".join(pick) for size in (1, 2, 3) for pick in itertools.permutations(sentences, size)]
        for _, _, sentences in _TOPICS.values()
    ]
    return prompts, replies
