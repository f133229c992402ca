"""Writes what transformers' apply_chat_template makes of the chat templates in a folder.

Run with transformers installed:
    python tests/python/golden_chat.py activations-store/src/test/resources/dev/loupe/chat
"""

import datetime
import json
import pathlib
import sys

from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast
from transformers.utils import chat_template_utils

CONVERSATIONS = {
    "one": [dict(role="user", content="Hello, how are you?")],
    "system": [dict(role="system", content="You are terse."), dict(role="user", content="Name a colour.")],
    "turns": [
        dict(role="user", content="Hi"),
        dict(role="assistant", content="Hello! What can I do?"),
        dict(role="user", content="  spaces around  \n"),
    ],
    "system-turns": [
        dict(role="system", content="Be kind.\nAlways."),
        dict(role="user", content="1 + 1?"),
        dict(role="assistant", content="  2  "),
        dict(role="user", content="Really?"),
        dict(role="assistant", content="Yes \u2013 \u65e5\u672c\u8a9e \U0001f600 \"quoted\" <b>&amp;"),
    ],
    "reasoning": [
        dict(role="user", content="Think."),
        dict(role="assistant", content="<think>\nhmm\n</think>\n\nDone."),
        dict(role="user", content="Again."),
    ],
    "two-users": [dict(role="user", content="a"), dict(role="user", content="b")],
    "late-system": [dict(role="user", content="a"), dict(role="system", content="b"), dict(role="user", content="c")],
    "empty": [dict(role="user", content="")],
}


class FixedDate(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2026, 7, 4, 9, 5, 3)


def main(folder):
    chat_template_utils.datetime = FixedDate
    rows = []
    for file in sorted(pathlib.Path(folder).glob("*.jinja")):
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=Tokenizer(models.BPE()), bos_token="<bos>", eos_token="<eos>",
            chat_template=file.read_text())
        for name, messages in CONVERSATIONS.items():
            for prompt in (False, True):
                row = dict(template=file.stem, conversation=name, add_generation_prompt=prompt)
                try:
                    row["text"] = tokenizer.apply_chat_template(
                        messages, tokenize=False, add_generation_prompt=prompt)
                except Exception as e:
                    row["error"] = str(e)
                rows.append(row)
    path = pathlib.Path(folder) / "expected.json"
    out = dict(conversations=CONVERSATIONS, cases=rows)
    path.write_text(json.dumps(out, indent=1, ensure_ascii=True) + "\n")
    print(len(rows), "cases,", sum("error" in r for r in rows), "refused")


if __name__ == "__main__":
    main(sys.argv[1])
