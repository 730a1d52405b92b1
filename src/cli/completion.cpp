// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "app.hpp"

namespace slipway::cli {
namespace {

/// Words after `slipway`, and options of each command, straight from the parser: nothing to forget.
std::string bash_script(const CLI::App& app) {
  std::string commands, cases;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    commands += (commands.empty() ? "" : " ") + command->get_name();
    std::string options;
    for (const auto* option : command->get_options())
      for (const auto& name : option->get_lnames()) options += " --" + name;
    cases += "    " + command->get_name() + ") words=\"" + options.substr(options.empty() ? 0 : 1) + "\" ;;\n";
  }
  return "# bash completion for slipway: source <(slipway completion bash)\n"
         "_slipway() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} words=\"\"\n"
         "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
         "    mapfile -t COMPREPLY < <(compgen -W \"" + commands + " --help --version\" -- \"$current\")\n"
         "    return\n"
         "  fi\n"
         "  case ${COMP_WORDS[1]} in\n" + cases +
         "  esac\n"
         "  case $current in\n"
         "    -*) mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\") ;;\n"
         "    *) mapfile -t COMPREPLY < <(compgen -f -- \"$current\") ;;\n"
         "  esac\n"
         "}\n"
         "complete -F _slipway slipway\n";
}

}  // namespace

void add_completion(Context context) {
  auto shell = std::make_shared<std::string>("bash");
  auto* command = add_command(context, "completion", "print the completion script of a shell", "source <(slipway completion bash)");
  command->add_option("shell", *shell, "bash (zsh reads it too, after `autoload bashcompinit && bashcompinit`)")
      ->check(CLI::IsMember({"bash", "zsh"}));
  command->callback([context, shell] {
    context.action = [&app = context.app, shell] {
      std::printf("%s", bash_script(app).c_str());
      return 0;
    };
  });
}

}  // namespace slipway::cli
