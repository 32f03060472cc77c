"""Microsoft Entra ID: applications, users and managed identities get tokens here, and everybody can verify them."""
