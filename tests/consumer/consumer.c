/* Uses the installed library as any program would: consumer MODEL prints the logits of an empty picture. */
#include <math.h>
#include <narrows/narrows.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    nw_error err;
    nw_model *model = NULL;
    nw_program *program = NULL;
    int failed = 1;
    if (argc != 2) return 2;
    if (nw_model_load(argv[1], NULL, &model, &err) != NW_OK) goto done;
    if (nw_program_compile(model, NULL, &program, &err) != NW_OK) goto done;
    if (nw_program_run(program, &err) != NW_OK) goto done;
    nw_shape shape;
    const char *name = nw_model_output_name(model, 0);
    const float *logits = nw_program_output(program, name, &shape);
    printf("%s:", name);
    for (int i = 0; i < (int)shape.dims[1]; i++) printf(" %g", (double)logits[i]);
    printf("\n");
    failed = shape.rank != 2 || shape.dims[1] != 2 || !isfinite(logits[0]) || logits[0] == logits[1];
done:
    if (failed) fprintf(stderr, "consumer: %s\n", program ? "unexpected output" : err.message);
    nw_program_free(program);
    nw_model_unref(model);
    return failed;
}
