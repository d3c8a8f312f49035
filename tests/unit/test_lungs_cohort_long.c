/* Lungs of a synthetic cohort that the algorithm was not made on (docs/results/lungs.md): every study, with
 * thick and thin slices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <narrows/lesion.h>
#include <narrows/phantom.h>
#include <stdbool.h>

typedef struct result {
    double dice;    /* of both lungs, sides told apart */
    double covered; /* share of the lesions in the mask; 1 where there are none */
    double volume;  /* of the mask over that of the truth */
    double share;   /* of the lungs that is ill */
    unsigned distractors;
} result;

static void check(nw_status status, const nw_error *err)
{
    if (status != NW_OK) fail_msg("%s", err->message);
}

static result measure(const nw_phantom_options *options, uint64_t study)
{
    nw_phantom *phantom;
    nw_volume *ct;
    nw_grid grid;
    const float *hu;
    nw_lungs *found;
    nw_error err;
    check(nw_phantom_new(options, study, &phantom, &err), &err);
    check(nw_phantom_volume(phantom, NW_PHANTOM_CT, &ct, &err), &err);
    check(nw_grid_of_volume(ct, &grid, &hu, &err), &err);
    check(nw_lungs_segment(&grid, hu, NULL, NULL, &found, &err), &err);
    const uint8_t *side = nw_phantom_mask(phantom, NW_PHANTOM_LUNGS),
                  *lesion = nw_phantom_mask(phantom, NW_PHANTOM_LESIONS);
    const nw_phantom_info *info = nw_phantom_get_info(phantom);
    double both = 0, truth = 0, mask = 0, ill = 0, in = 0;
    size_t count = (size_t)(grid.dims[0] * grid.dims[1] * grid.dims[2]);
    for (size_t i = 0; i < count; i++) {
        both += found->labels[i] && found->labels[i] == side[i];
        truth += side[i] != 0;
        mask += found->labels[i] != 0;
        ill += lesion[i] != 0;
        in += lesion[i] && found->labels[i];
    }
    result r = {2 * both / (truth + mask), ill > 0 ? in / ill : 1, mask / truth, info->share_both,
                info->distractors};
    nw_lungs_free(found);
    nw_volume_free(ct);
    nw_phantom_free(phantom);
    return r;
}

/* With so much of the lungs ill, consolidations lie along heart, spine and diaphragm, with no lung beyond to
 * tell where these end. */
static bool is_hard(const result *r)
{
    return r->share > 0.7;
}

static void run(const nw_phantom_options *options, uint64_t first, int studies)
{
    double sum = 0, in = 0;
    int ill = 0;
    for (int i = 0; i < studies; i++) {
        result r = measure(options, first + (uint64_t)i);
        print_message("seed %d study %2d: Dice %.4f, lesions %.3f, volume %.3f, ill %.2f%s\n",
                      (int)options->seed, (int)first + i, r.dice, r.covered, r.volume, r.share,
                      (r.distractors & NW_DISTRACTOR_MOTION) ? ", breathing" : "");
        assert_true(r.dice >= (is_hard(&r) ? 0.95 : 0.97));
        assert_true(r.covered >= 0.9);
        if (r.share <= 0)
            assert_true(fabs(r.volume - 1) < (r.distractors & NW_DISTRACTOR_MOTION ? 0.05 : 0.02));
        sum += r.dice;
        in += r.covered * (r.share > 0);
        ill += r.share > 0;
    }
    assert_true(sum / studies >= 0.98);
    assert_true(ill > 0 && in / ill >= 0.95);
}

static void test_thick(void **state)
{
    (void)state;
    for (uint64_t seed = 101; seed <= 104; seed++) {
        nw_phantom_options o = {.seed = seed, .size = 256};
        run(&o, 0, 12);
    }
}

static void test_thin(void **state)
{
    (void)state;
    nw_phantom_options o = {.seed = 101, .size = 256, .slice_mm = 1.25};
    run(&o, 48, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_thick), cmocka_unit_test(test_thin)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
