/* Lungs of the synthetic cohort, whose masks are the truth: healthy and ill, with distractors, all kernels.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <narrows/lesion.h>
#include <narrows/phantom.h>

enum { STUDIES = 10 };

static void check(nw_status status, const nw_error *err)
{
    if (status != NW_OK) fail_msg("%s", err->message);
}

static void part(const nw_phantom *phantom, nw_phantom_part which, nw_volume **volume, nw_grid *grid,
                 const float **values)
{
    nw_error err;
    check(nw_phantom_volume(phantom, which, volume, &err), &err);
    check(nw_grid_of_volume(*volume, grid, values, &err), &err);
}

/* Dice of both lungs with sides told apart, and the share of the lesions that is in. */
static void measure(uint64_t study, double *dice, double *covered, double *share_error)
{
    nw_phantom_options o = {.seed = 2021, .size = 208};
    nw_phantom *phantom;
    nw_volume *ct, *lungs, *lesions;
    nw_grid grid;
    const float *hu, *side, *lesion;
    nw_lungs *found;
    nw_error err;
    check(nw_phantom_new(&o, study, &phantom, &err), &err);
    part(phantom, NW_PHANTOM_CT, &ct, &grid, &hu);
    part(phantom, NW_PHANTOM_LUNGS, &lungs, &grid, &side);
    part(phantom, NW_PHANTOM_LESIONS, &lesions, &grid, &lesion);
    check(nw_lungs_segment(&grid, hu, NULL, NULL, &found, &err), &err);
    size_t count = (size_t)(grid.dims[0] * grid.dims[1] * grid.dims[2]);
    double both = 0, truth = 0, mask = 0, ill = 0, in = 0;
    for (size_t i = 0; i < count; i++) {
        both += found->labels[i] && (float)found->labels[i] == side[i];
        truth += side[i] > 0;
        mask += found->labels[i] != 0;
        ill += lesion[i] > 0;
        in += lesion[i] > 0 && found->labels[i];
    }
    *dice = 2 * both / (truth + mask);
    *covered = ill > 0 ? in / ill : 1;
    *share_error = in / mask - (truth > 0 ? ill / truth : 0);
    nw_lungs_free(found);
    nw_volume_free(ct);
    nw_volume_free(lungs);
    nw_volume_free(lesions);
    nw_phantom_free(phantom);
}

static void test_cohort(void **state)
{
    (void)state;
    double sum = 0, sum_covered = 0;
    int ill = 0;
    for (uint64_t study = 0; study < STUDIES; study++) {
        double dice, covered, error;
        measure(study, &dice, &covered, &error);
        print_message("study %2d: Dice %.3f, lesions %.3f, share off by %+.3f\n", (int)study, dice, covered,
                      error);
        /* Study 7: four fifths of the lungs dense, and breathing; see docs/results/lungs.md. */
        assert_true(dice >= (study == 7 ? 0.95 : 0.97));
        assert_true(covered >= 0.9);
        assert_true(error > -0.05 && error < 0.05);
        sum += dice;
        if (covered >= 1) continue; /* healthy */
        sum_covered += covered;
        ill++;
    }
    assert_true(sum / STUDIES >= 0.97);
    assert_true(ill >= 3 && sum_covered / ill >= 0.9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cohort)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
