"""
The modalities of the simulated department, with the habits of their makers.

Each maker appends its own values to ImageType (0008,0008) after the two that PS3.3 C.7.6.1.1.2 and the third
that C.8.2.1.1.1 define, names kernels in its own way, and stores Hounsfield units with its own offset and
sign.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Device:
    """
    One imaging device.

    Attributes:
        ae_title: Calling AE title.
        manufacturer: Manufacturer (0008,0070).
        model: ManufacturerModelName (0008,1090).
        station: StationName (0008,1010), at most 16 characters.
        software: SoftwareVersions (0018,1020).
        soft_kernel: ConvolutionKernel (0018,1210) of the smooth reconstruction.
        sharp_kernel: ConvolutionKernel of the edge-enhancing one.
        axial_type: ImageType of an axial acquisition.
        mpr_type: ImageType of a reformation.
        signed: Whether pixels are stored signed (PixelRepresentation 1).
        intercept: RescaleIntercept (0028,1052), in HU.
        thin_mm: SliceThickness of the thin reconstructions, in mm.
        dose_as_picture: Whether the dose report is a secondary capture of modality CT instead of a structured
            report.
    """

    ae_title: str
    manufacturer: str
    model: str
    station: str
    software: str
    soft_kernel: str = ""
    sharp_kernel: str = ""
    axial_type: tuple[str, ...] = ("ORIGINAL", "PRIMARY", "AXIAL")
    mpr_type: tuple[str, ...] = ("DERIVED", "SECONDARY", "MPR")
    signed: bool = False
    intercept: int = -1024
    thin_mm: float = 1.0
    dose_as_picture: bool = False


SIEMENS_CT = Device(
    "CT1SIEMENS", "SIEMENS", "SOMATOM Definition Flash", "CTAWP73491", "syngo CT 2012B", "B30f", "B70f",
    axial_type=("ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI"),
    mpr_type=("DERIVED", "SECONDARY", "MPR", "CT_SOM5 MPR"),
)  # fmt: skip
GE_CT = Device(
    "CT2GE", "GE MEDICAL SYSTEMS", "Revolution EVO", "CT99GE02", "revo_ct_21a.12", "STANDARD", "LUNG",
    mpr_type=("DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE"), signed=True, thin_mm=1.25,
    dose_as_picture=True,
)  # fmt: skip
PHILIPS_CT = Device(
    "CT3PHILIPS", "Philips", "Brilliance 64", "HOST-6547", "3.2.0", "B", "YA",
    axial_type=("ORIGINAL", "PRIMARY", "AXIAL", "HELIX"), mpr_type=("DERIVED", "SECONDARY", "MPR", "CORONAL"),
)  # fmt: skip
CANON_CT = Device(
    "CT4CANON", "Canon Medical Systems", "Aquilion ONE", "ID_STATION", "V8.4ER001", "FC08", "FC51",
    mpr_type=("DERIVED", "SECONDARY", "MPR"), signed=True, intercept=0,
)  # fmt: skip
UIH_CT = Device(
    "CT5UIH", "UIH", "uCT 760", "UCT760-01", "R004", "B_SOFT_B", "B_SHARP_C",
    axial_type=("ORIGINAL", "PRIMARY", "AXIAL", "NORMAL"), mpr_type=("DERIVED", "SECONDARY", "MPR"),
)  # fmt: skip
PHILIPS_HELICAL_CT = Device(
    "CT6PHILIPS", "Philips", "Ingenuity CT", "HOST-9021", "4.1.6", "B", "YA",
    axial_type=("ORIGINAL", "PRIMARY", "HELICAL"), mpr_type=("DERIVED", "SECONDARY", "MPR", "CORONAL"),
)  # fmt: skip
SIEMENS_DX = Device("DX1SIEMENS", "Siemens", "Fluorospot Compact FD", "AXIOM-DX1", "VF10")
UIH_DX = Device("DX2UIH", "UIH", "uDR 780i", "UDR780-01", "R002")
PHILIPS_CR = Device("CR1PHILIPS", "Philips Medical Systems", "PCR Eleva", "PCR-01", "1.2.1.SP5")
GE_MG = Device("MG1GE", "GE MEDICAL SYSTEMS", "Senographe Essential", "SENO-01", "ADS_56.10")
SIEMENS_MR = Device("MR1SIEMENS", "SIEMENS", "Skyra", "AWP45212", "syngo MR E11")
UIH_DR = Device("DR1UIH", "UIH", "uDR 596i", "UDR596-02", "R003")
ANGELL_DX = Device("DX3ANGELL", "Angell Technology", "DDR-2060", "ANGELL-3", "2.1.0")
GE_US = Device("US1GE", "GE Healthcare", "LOGIQ E9", "LOGIQE9-4", "R6")
MINDRAY_US = Device("US2MINDRAY", "Mindray", "Resona 7", "RESONA-2", "03.01")
PHILIPS_MR = Device("MR2PHILIPS", "Philips", "Ingenia", "PHILIPS-MR2", "5.3.1")
SIEMENS_RF = Device("RF1SIEMENS", "Siemens", "Luminos dRF Max", "LUMINOS-1", "VE10")
PHILIPS_XA = Device("XA1PHILIPS", "Philips", "Allura Xper FD20", "ALLURA-1", "8.1.17")
GE_PET = Device(
    "PT1GE", "GE MEDICAL SYSTEMS", "Discovery MI", "PETCT-1", "52.00", "STANDARD", "LUNG", thin_mm=3.75
)
SCANNER = Device("OT1FILM", "Digital film scanner", "CobraScan", "SCAN-1", "4.2")

SOFT_KERNELS = ("B30f", "STANDARD", "FC08", "B_SOFT_B", "B")
"""One soft kernel by vendor: what a site with these devices prefers."""
