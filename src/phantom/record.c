#include "phantom/record.h"

#include "base/memory.h"

#include <stdio.h>

/* To be raised whenever the same options make other voxels. */
enum { RECIPE = 1 };

const char *nw_phantom_titles(void)
{
    return "study,file,label,share_right,share_left,share_both,grade,grade_worse,split,lung_right_ml,lung_"
           "left_ml,"
           "ground_glass_ml,consolidation_ml,lesions,lesion_ml,distractors,kernel,noise_hu,columns,rows,"
           "slices,pixel_mm,"
           "slice_mm,shortcut,seed,recipe\n";
}

static void number_or_auto(char text[32], double value)
{
    if (value == 0)
        snprintf(text, 32, "auto");
    else
        snprintf(text, 32, "%.9g", value);
}

char *nw_phantom_recipe(const nw_phantom_options *o)
{
    char slice[32], field[32], slices[32];
    number_or_auto(slice, o->slice_mm);
    number_or_auto(field, o->field_mm);
    number_or_auto(slices, (double)o->slices);
    double positives = o->all_negative ? 0 : o->positives > 0 ? o->positives : 0.5;
    return nw_strdup_printf(
        "phantom %d; seed %llu; positives %.9g; size %lld; slices %s; slice_mm %s; field_mm %s; "
        "shortcut %s",
        RECIPE, (unsigned long long)o->seed, positives, (long long)(o->size ? o->size : 512), slices, slice,
        field, nw_phantom_shortcut_name(o->shortcut));
}

/* "scars+motion", or "none". */
static char *distractor_names(unsigned kinds)
{
    static const char *const names[] = {"nodules",  "scars", "bullae", "dependent",
                                        "effusion", "tubes", "motion"};
    char *text = nw_strdup(kinds ? "" : "none");
    for (unsigned i = 0; text && i < sizeof names / sizeof *names; i++) {
        if (!(kinds >> i & 1u)) continue;
        char *longer = nw_strdup_printf("%s%s%s", text, *text ? "+" : "", names[i]);
        nw_free(text);
        text = longer;
    }
    return text;
}

/* "ground-glass 12.3; consolidation 4.56". */
static char *lesion_list(const nw_phantom_info *info)
{
    char *text = nw_strdup("");
    for (size_t i = 0; text && i < info->lesion_count; i++) {
        const nw_phantom_lesion *l = &info->lesions[i];
        char *longer =
            nw_strdup_printf("%s%s%s %.6g", text, i ? "; " : "", nw_phantom_lesion_name(l->kind), l->ml);
        nw_free(text);
        text = longer;
    }
    return text;
}

char *nw_phantom_record(const nw_phantom_options *options, const nw_phantom_info *i)
{
    char *lesions = lesion_list(i), *distractors = distractor_names(i->distractors);
    char *recipe = nw_phantom_recipe(options), *line = NULL;
    unsigned long long study = i->study;
    if (lesions && distractors && recipe)
        line = nw_strdup_printf(
            "study_%04llu,study_%04llu/"
            "ct.nii.gz,%d,%.9g,%.9g,%.9g,CT-%d,CT-%d,%s,%.9g,%.9g,%.9g,%.9g,%zu,%s,%s,%s,%.4g,"
            "%lld,%lld,%lld,%.9g,%.9g,%s,%llu,%s\n",
            study, study, i->label, i->share[0], i->share[1], i->share_both, i->grade, i->grade_worse,
            nw_phantom_split_name(i->split), i->lung_ml[0], i->lung_ml[1], i->ground_glass_ml,
            i->consolidation_ml, i->lesion_count, lesions, distractors, nw_phantom_kernel_name(i->kernel),
            i->noise_hu, (long long)i->dims[0], (long long)i->dims[1], (long long)i->dims[2], i->spacing[0],
            i->spacing[2], nw_phantom_shortcut_name(options->shortcut), (unsigned long long)i->seed, recipe);
    nw_free(lesions);
    nw_free(distractors);
    nw_free(recipe);
    return line;
}
