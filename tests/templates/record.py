"""Renders every snippet and every whole template with the real ansible-core, and writes what comes out.

    target/ansible/bin/python tests/templates/record.py      (make templates-like-ansible)

It does what ansible.builtin.template does with the text of a file; nothing is asked of a host.
"""

import copy
import json
import os
import pathlib
import tomllib

os.environ["TZ"] = "UTC"
os.environ["HOME"] = "/root"

from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template
from ansible.module_utils.common.text.converters import to_bytes
from ansible.release import __version__

HERE = pathlib.Path(__file__).parent
WHOLE = HERE / "whole"
# What ansible.builtin.template sets when a task says nothing of it.
OVERRIDES = dict(
    block_start_string="{%", block_end_string="%}",
    variable_start_string="{{", variable_end_string="}}",
    comment_start_string="{#", comment_end_string="#}",
    trim_blocks=True, lstrip_blocks=False, newline_sequence="\n",
)


def render(loader, text, variables, folder=WHOLE):
    variables = copy.deepcopy(variables)
    variables.setdefault("ansible_managed", trust_as_template("Ansible managed"))
    templar = Templar(loader=loader, variables=variables)
    templar = templar.copy_with_new_env(searchpath=[str(WHOLE), str(folder)], available_variables=variables)
    try:
        result = templar.template(trust_as_template(text), escape_backslashes=False, overrides=OVERRIDES)
        result = "" if result is None else result
        return {"text": to_bytes(result, errors="surrogate_or_strict").decode()}
    except Exception as error:
        return {"error": " ".join(str(error).split())[:200]}


def main():
    init_plugin_loader()
    loader = DataLoader()
    loader.set_basedir(str(WHOLE))
    variables = json.loads((HERE / "variables.json").read_text())
    groups = tomllib.loads((HERE / "snippets.toml").read_text())
    recorded = {"ansible-core": __version__, "snippets": {}, "whole": {}}
    for group, content in groups.items():
        for snippet in content["snippets"]:
            # Text after it, so that Ansible makes a text of what would else stay a list or a number.
            text = snippet if group == "whitespace" else snippet + "|\n"
            recorded["snippets"][snippet] = render(loader, text, variables)
    for path in sorted(WHOLE.rglob("*.j2")):
        name = str(path.relative_to(WHOLE))
        recorded["whole"][name] = render(loader, path.read_bytes().decode(), variables, path.parent)
    (HERE / "recorded.json").write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n")


main()
