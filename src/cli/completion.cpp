// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "app.hpp"

namespace slipway::cli {
namespace {

/// Options of a command, or the commands of a group, straight from the parser: nothing to forget.
std::string words_of(const CLI::App& command) {
  std::string words;
  for (const auto* inner : command.get_subcommands([](const CLI::App*) { return true; }))
    words += (words.empty() ? "" : " ") + inner->get_name();
  for (const auto* option : command.get_options())
    for (const auto& name : option->get_lnames()) words += (words.empty() ? "--" : " --") + name;
  return words;
}

/// A `case` branch for each command, those of groups first.
std::string cases_of(const CLI::App& app, const std::string& before) {
  std::string cases;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    const auto name = before + command->get_name();
    cases +=
        cases_of(*command, name + "\\ ") + "    " + name + "\\ *) words=\"" + words_of(*command) + "\" ;;\n";
  }
  return cases;
}

std::string bash_script(const CLI::App& app) {
  std::string commands, groups;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    commands += (commands.empty() ? "" : " ") + command->get_name();
    if (!command->get_subcommands([](const CLI::App*) { return true; }).empty())
      groups += "2:" + command->get_name() + ":*|";
  }
  return "# bash completion for slipway: source <(slipway completion bash)\n"
         "_slipway() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} words=\"\"\n"
         "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
         "    mapfile -t COMPREPLY < <(compgen -W \"" +
         commands +
         " --help --version\" -- \"$current\")\n"
         "    return\n"
         "  fi\n"
         "  case \"${COMP_WORDS[*]:1:COMP_CWORD-1} \" in\n" +
         cases_of(app, "") +
         "  esac\n"
         "  case $COMP_CWORD:${COMP_WORDS[1]}:$current in\n"
         "    " +
         groups +
         "*:-*) mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\") ;;\n"
         "    *) mapfile -t COMPREPLY < <(compgen -f -- \"$current\") ;;\n"
         "  esac\n"
         "}\n"
         "complete -F _slipway slipway\n";
}

}  // namespace

void add_completion(Context context) {
  auto shell = std::make_shared<std::string>("bash");
  auto* command = add_command(context, "completion", "print the completion script of a shell",
                              "source <(slipway completion bash)");
  command
      ->add_option("shell", *shell, "bash (zsh reads it too, after `autoload bashcompinit && bashcompinit`)")
      ->check(CLI::IsMember({"bash", "zsh"}));
  command->callback([context, shell] {
    context.action = [&app = context.app, shell] {
      std::printf("%s", bash_script(app).c_str());
      return 0;
    };
  });
}

}  // namespace slipway::cli
