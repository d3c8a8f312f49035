/* What each number means, once: the report repeats these texts, and a test holds docs/severity.md to them. */
#include <narrows/lesion.h>
#include <string.h>

static const char mosmed[] =
    "Morozov et al., MosMedData: Chest CT Scans With COVID-19 Related Findings Dataset, "
    "arXiv 2005.06465, 2020";
static const char yuan[] =
    "extent scores of Yuan et al., PLoS ONE 15(3):e0230548, 2020, without their factor for "
    "density; zones by height instead of by carina and pulmonary vein";
static const char pan[] = "Pan et al., Radiology 295(3):715-721, 2020, doi 10.1148/radiol.2020200370";

static const nw_definition definitions[] = {
    {"density", "Density of information", "bits per mL",
     "Bits per pixel of a slice's map, divided by the pixel's area in cm^2 and by 1 cm; that is, bits per mL "
     "of a "
     "scan whose slices are read 1 cm apart. Of a 3-D map: bits per voxel divided by the voxel's volume in "
     "mL. It "
     "depends neither on the size of pixels nor on the number of slices.",
     ""},
    {"gate", "Gate by the classifier", "probability",
     "Slices for which the classifier gives the finding a smaller probability than the gate have no lesions "
     "and no "
     "bits.",
     ""},
    {"threshold", "Threshold", "bits per mL",
     "Voxels of the lungs with at least this density, and more than none, are involved. By default it is the "
     "quantile 0.99 of the density in the lungs of negative scans; else a given number, Otsu's threshold in "
     "these "
     "lungs, or a share of the largest density in these lungs.",
     ""},
    {"lesion", "Lesion", "",
     "A connected set of involved voxels (26 neighbours) of at least the smallest volume (0.1 mL by "
     "default). Its "
     "volume is the number of its voxels times a voxel's volume; its box is along the patient's axes with "
     "the edges "
     "of voxels; its centroid is the mean place of its voxels; its side, zone and lobe are those of most of "
     "its "
     "voxels; its bits are the sum of density times volume.",
     ""},
    {"lung_volume", "Lung volume", "mL",
     "Voxels of the lung mask times a voxel's volume, vessels and lesions within the lung included, trachea "
     "and main "
     "bronchi not.",
     ""},
    {"share", "Involved share", "",
     "Volume of the lesions within a lung (or both lungs together, a zone, a lobe) divided by its volume.",
     ""},
    {"grade", "CT grade", "CT-0 to CT-4",
     "Of the involved share of both lungs together: CT-0 for none, CT-1 below 25 %, CT-2 from 25 to 50 %, "
     "CT-3 above "
     "50 up to 75 %, CT-4 above 75 %.",
     mosmed},
    {"worst_grade", "CT grade of the worse lung", "CT-0 to CT-4",
     "The same bands for the lung whose involved share is larger.", mosmed},
    {"zone", "Zone", "",
     "Upper, middle and lower third of a lung's height, from its lowest to its highest voxel edge along the "
     "patient's vertical axis; each lung has its own thirds.",
     yuan},
    {"zone_score", "Zone score", "0 to 24",
     "Each of the six zones scores 0 for no involvement, 1 below 25 %, 2 from 25 to 50 %, 3 above 50 up to "
     "75 %, 4 "
     "above 75 %; the sum of the six.",
     yuan},
    {"lobe_score", "Lobe score", "0 to 25",
     "Each of the five lobes scores 0 for no involvement, 1 below 5 %, 2 from 5 to 25 %, 3 above 25 and "
     "below 50 %, 4 "
     "from 50 to 75 %, 5 above 75 %; the sum of the five. Only with a lobe mask.",
     pan},
    {"bits", "Bits in the lungs", "bits",
     "Density times volume, summed over the lungs, without a threshold. For maps of slices this is what "
     "slices 1 cm "
     "apart would add up to.",
     ""},
    {"bits_per_litre", "Bits per litre", "bits per litre of lung",
     "Bits in the lungs divided by the lung volume, without a threshold.", ""},
    {"sweep", "Threshold sweep", "",
     "The involved share and the scores at a row of thresholds, everything else unchanged: a finding that "
     "hangs on "
     "one threshold shows here.",
     ""},
    {"interval", "Interval over noise seeds", "",
     "The whole measurement repeated with other random numbers of the bottleneck: mean, deviation, and the "
     "2.5 and "
     "97.5 % quantiles of the runs. It tells how much the noise moves the numbers, not how right they are.",
     ""},
    {"healthy", "Healthy lungs", "bits per mL",
     "A histogram of the density in the lungs of negative scans, each voxel counting with its volume; 64 "
     "bins a "
     "decade.",
     ""},
};

size_t nw_definition_count(void)
{
    return sizeof definitions / sizeof *definitions;
}

const nw_definition *nw_definition_list(size_t i)
{
    return i < nw_definition_count() ? &definitions[i] : NULL;
}

const nw_definition *nw_definition_find(const char *key)
{
    for (size_t i = 0; i < nw_definition_count(); i++)
        if (strcmp(definitions[i].key, key) == 0) return &definitions[i];
    return NULL;
}
