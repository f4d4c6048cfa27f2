"""
Anatomy-like volumes in Hounsfield units, what a scanner makes of them, and radiographs computed from them.
Pure numpy, no I/O.

Not an atlas: proportions are those of an adult, edges are smooth, vessels branch, lungs end in an apex and in
a domed base, so that filters, viewers and a threshold-based lung volume see what they would see in a patient.
Axes as in ``canvas``.
"""
