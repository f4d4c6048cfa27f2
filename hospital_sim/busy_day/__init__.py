"""
A busy day of a whole hospital: hundreds to thousands of studies of all modalities, over two midnights, with
the truth about each.

Pure: the same arguments give the same day, UIDs included. ``hospital_sim.day`` plans a few studies picture by
picture; here the number of studies, when they reach the PACS and what is odd about them is the point. Images
are made when somebody pulls them.

``plan`` makes a day (``day``) of plain studies (``study``) from a ``catalogue``; ``oddities`` happen to some
of them.
"""
