/*
 * The two ends of a fuzz target: libFuzzer's entry, and the plain replay of
 * saved inputs.
 */

#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef FUZZ_LIBFUZZER

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_one(data, size);
	return 0;
}

#else

#define INPUT_MAX (4 * 1024 * 1024)

int
main(int argc, char **argv)
{
	unsigned char *block, *exact;
	size_t len;
	FILE *file;
	int i;

	block = malloc(INPUT_MAX);
	if (block == NULL)
		return 1;
	for (i = 1; i < argc; i++) {
		file = fopen(argv[i], "rb");
		if (file == NULL) {
			perror(argv[i]);
			return 1;
		}
		len = fread(block, 1, INPUT_MAX, file);
		fclose(file);
		exact = malloc(len > 0 ? len : 1);
		if (exact == NULL)
			return 1;
		memcpy(exact, block, len);
		fuzz_one(exact, len);
		free(exact);
	}
	free(block);
	printf("%d inputs replayed\n", argc - 1);
	return 0;
}

#endif
