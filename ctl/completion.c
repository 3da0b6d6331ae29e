/*
 * hopseal completion bash: what a shell offers when somebody presses Tab, made
 * from the tables of commands and options.
 */

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "shared/io/config.h"

/* Options of all commands, beside the long ones. */
#define COMMON	"-c -o --json --help"

static const char bash_begin[] =
    "# Completion of hopseal for bash; \"hopseal completion bash\" prints it.\n"
    "_hopseal()\n"
    "{\n"
    "	local word=${COMP_WORDS[COMP_CWORD]} command= words= i\n"
    "	local -i operands=0\n"
    "\n"
    "	COMPREPLY=()\n"
    "	for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "		case ${COMP_WORDS[i]} in\n";

static const char bash_middle[] =
    "		=)	((i++)) ;;\n"
    "		-*)	;;\n"
    "		*)	if [[ $command ]]; then\n"
    "				operands+=1\n"
    "			else\n"
    "				command=${COMP_WORDS[i]}\n"
    "			fi ;;\n"
    "		esac\n"
    "	done\n"
    "	case ${COMP_WORDS[COMP_CWORD - 1]} in\n";

static const char bash_end[] =
    "	esac\n"
    "	COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
    "}\n"
    "complete -o default -F _hopseal hopseal\n";

/* "|--ca" of each whose argument is a file, or of each other that has one. */
static void
print_options_with(bool is_file)
{
	const char *name, *argument;
	enum ctl_option o;

	for (o = 0; o < CTL_OPTION_COUNT; o++) {
		name = ctl_option_name(o, &argument);
		if (name != NULL && argument != NULL &&
		    (strcmp(argument, "FILE") == 0) == is_file)
			printf("|--%s", name);
	}
}

static void
print_words(const struct ctl_command *command)
{
	const char *name, *argument;
	enum ctl_option o;
	size_t i;

	printf("	%s)	words='%s", command->name, COMMON);
	for (o = 0; o < CTL_OPTION_COUNT; o++) {
		name = ctl_option_name(o, &argument);
		if (name != NULL && (command->takes & CTL_TAKES(o)) != 0)
			printf(" --%s", name);
	}
	printf("'\n");
	if (command->operand_word != NULL) {
		printf("		((operands)) || words+='");
		for (i = 0; (name = command->operand_word(i)) != NULL; i++)
			printf(" %s", name);
		printf("'\n");
	}
	printf("		;;\n");
}

static void
print_bash(void)
{
	const struct ctl_command *command;
	const char *name;
	size_t i;

	fputs(bash_begin, stdout);
	printf("		-c|-o|-w");
	print_options_with(true);
	print_options_with(false);
	printf(")	((i++)) ;;\n%s", bash_middle);
	printf("	-c");
	print_options_with(true);
	printf(")\n		COMPREPLY=($(compgen -f -- \"$word\"))\n"
	    "		return ;;\n	-o)\n		words='");
	for (i = 0; (name = config_option_name(i)) != NULL; i++)
		printf("%s%s=", i > 0 ? " " : "", name);
	printf("'\n		COMPREPLY=($(compgen -W \"$words\" -- "
	    "\"$word\"))\n"
	    "		compopt -o nospace 2>/dev/null\n"
	    "		return ;;\n	=|-w");
	print_options_with(false);
	printf(")	return ;;\n	esac\n	case $command in\n"
	    "	'')	words='%s -V", COMMON);
	for (i = 0; (command = ctl_command_at(i)) != NULL; i++)
		printf(" %s", command->name);
	printf("' ;;\n");
	for (i = 0; (command = ctl_command_at(i)) != NULL; i++)
		print_words(command);
	fputs(bash_end, stdout);
}

static const char *
shell_name(size_t index)
{
	return index == 0 ? "bash" : NULL;
}

static enum ctl_exit
completion_run(const struct ctl_options *options, int operand_count,
    char *const *operands)
{
	(void)options;
	(void)operand_count;
	if (strcmp(operands[0], shell_name(0)) != 0) {
		ctl_complain("completion knows no \"%s\", only bash",
		    operands[0]);
		return CTL_USAGE;
	}
	print_bash();
	return CTL_FINE;
}

const struct ctl_command completion_command = {
	.name = "completion",
	.operands = "bash",
	.operand_min = 1,
	.operand_max = 1,
	.operand_word = shell_name,
	.summary = "print what makes a shell complete these commands",
	.help = "  . <(hopseal completion bash)\n",
	.run = completion_run
};
