"""What the service is measured against: recorded answers of Azure, and the plain views that only call List SAS."""
